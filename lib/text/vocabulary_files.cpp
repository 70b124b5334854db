#include "lib/text/vocabulary_files.h"

#include <fstream>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/unicode.h"
#include "lib/text/vocabulary_layout.h"

namespace headscope {
namespace {

std::vector<std::string> text_lines(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    if (valid_utf8_prefix(line) != line.size()) {
      throw DataError("{}:{}: no UTF-8", path.string(), lines.size() + 1);
    }
    lines.push_back(std::move(line));
  }
  if (in.bad() || lines.empty()) {
    throw DataError("{}: cannot be read, or is empty", path.string());
  }
  return lines;
}

std::string without_space_at_end(std::string text) {
  while (!text.empty()) {
    const std::size_t last = last_character(text);
    if (!is_white_space(code_point_at(text, last).value)) {
      break;
    }
    text.resize(last);
  }
  return text;
}

}  // namespace

Json read_vocab_txt(const std::filesystem::path& path) {
  Json vocabulary = Json::object();
  TokenId id = 0;
  for (std::string& line : text_lines(path)) {
    vocabulary[without_space_at_end(std::move(line))] = id++;
  }
  return vocabulary;
}

Json read_merges_txt(const std::filesystem::path& path) {
  Json merges = Json::array();
  for (std::string& line : text_lines(path)) {
    if (!line.starts_with("#version") && !line.empty()) {
      merges.push_back(std::move(line));
    }
  }
  return merges;
}

Json spec_of_vocab_txt(TokenizerFiles& files) {
  const VocabularyLayout& layout = vocabulary_layout(files, VocabularyLayout::Files::vocab_txt);
  layout.name_special(files);
  return layout.spec(
      files, {{"type", "WordPiece"}, {"vocab", read_vocab_txt(files.directory / "vocab.txt")}});
}

Json spec_of_vocab_json(TokenizerFiles& files) {
  const VocabularyLayout& layout = vocabulary_layout(files, VocabularyLayout::Files::vocab_json);
  layout.name_special(files);
  return layout.spec(files,
                     {{"type", "BPE"},
                      {"vocab", read_json(files.directory / "vocab.json")},
                      {"merges", read_merges_txt(files.directory / "merges.txt")}});
}

}  // namespace headscope
