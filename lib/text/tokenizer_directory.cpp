#include "lib/text/tokenizer_directory.h"

#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/text/tokenizer_json.h"
#include "lib/text/tokenizer_model.h"
#include "lib/text/tokenizer_vocabulary.h"

namespace headscope {
namespace {

struct TokenizerSource {
  const char* file;
  std::shared_ptr<Tokenizer::Impl> (*read)(const std::filesystem::path& path);
};

std::shared_ptr<Tokenizer::Impl> read_compared_json(const std::filesystem::path& path) {
  return read_tokenizer_json(path, OlderFiles::compared);
}

// The first that is there is believed.
constexpr TokenizerSource kTokenizerSources[] = {{"tokenizer.json", read_compared_json},
                                                 {"tokenizer.model", read_tokenizer_model},
                                                 {"vocab.json", read_tokenizer_vocab_json},
                                                 {"vocab.txt", read_tokenizer_vocab_txt}};

}  // namespace

bool has_tokenizer(const std::filesystem::path& directory) {
  for (const TokenizerSource& source : kTokenizerSources) {
    if (path_exists(directory / source.file)) {
      return true;
    }
  }
  return false;
}

std::shared_ptr<Tokenizer::Impl> read_tokenizer_directory(const std::filesystem::path& directory) {
  for (const TokenizerSource& source : kTokenizerSources) {
    const std::filesystem::path path = directory / source.file;
    if (path_exists(path)) {
      return source.read(path);
    }
  }
  throw DataError(
      "{}: no tokenizer there (tokenizer.json, tokenizer.model, vocab.json or vocab.txt)",
      directory.string());
}

std::shared_ptr<Tokenizer::Impl> read_tokenizer_file(const std::filesystem::path& path) {
  return path.extension() == ".model" ? read_tokenizer_model(path)
                                      : read_tokenizer_json(path, OlderFiles::ignored);
}

}  // namespace headscope
