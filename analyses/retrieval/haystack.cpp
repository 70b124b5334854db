#include "analyses/retrieval/haystack.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "analyses/retrieval/embedded_haystack.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/text/utf8_check.h"

namespace headscope {
namespace {

std::string contents(const std::filesystem::path& path, std::string_view what) {
  if (is_folder(path)) {
    throw DataError("{}: is a folder; give the file of the {}", path.string(), what);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw DataError("{}: cannot open the {}: {}", path.string(), what, std::strerror(errno));
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw DataError("{}: is empty; it should hold the {}", path.string(), what);
  }
  check_utf8(text, path.string());
  return text;
}

std::string text_of(const Json& entry, const std::string& key, const std::string& where) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_string() || found->get<std::string>().empty()) {
    throw DataError("{}: no text \"{}\"; a needle has needle, question and answer", where, key);
  }
  return found->get<std::string>();
}

Needle needle_of(const Json& entry, const std::string& where) {
  if (!entry.is_object()) {
    throw DataError("{}: is not an object with needle, question and answer", where);
  }
  for (const auto& [key, value] : entry.items()) {
    if (key != "needle" && key != "question" && key != "answer" && key != "real_needle") {
      throw DataError(
          "{}: unknown key \"{}\"; a needle has needle, question and answer", where, key);
    }
  }
  const std::string answer = entry.contains("answer") ? "answer" : "real_needle";
  Needle needle{text_of(entry, "needle", where),
                text_of(entry, "question", where),
                text_of(entry, entry.contains(answer) ? answer : "answer", where)};
  if (needle.needle.find(needle.answer) == std::string::npos) {
    throw DataError("{}: the answer \"{}\" is no part of the needle", where, needle.answer);
  }
  return needle;
}

std::vector<Needle> needles_in(const std::string& text, const std::string& path) {
  std::vector<Needle> needles;
  if (text[text.find_first_not_of(" \t\r\n")] == '[') {
    for (const Json& entry : parse_json(text, path)) {
      needles.push_back(needle_of(entry, fmt::format("{}[{}]", path, needles.size())));
    }
  } else {
    std::istringstream lines(text);
    std::string line;
    for (std::int64_t number = 1; std::getline(lines, line); ++number) {
      if (line.find_first_not_of(" \t\r") != std::string::npos) {
        const std::string where = fmt::format("{}:{}", path, number);
        needles.push_back(needle_of(parse_json_line(line, where), where));
      }
    }
  }
  if (needles.empty()) {
    throw DataError("{}: no needles", path);
  }
  return needles;
}

}  // namespace

std::string own_haystack() {
  std::string all;
  for (const std::string_view text : embedded_haystack()) {
    all += text;
    all += "\n";
  }
  return all;
}

std::vector<Needle> own_needles() {
  return needles_in(std::string(embedded_needles()), "data/haystack/needles.json");
}

std::string read_haystack(const std::filesystem::path& path) {
  return contents(path, "haystack");
}

std::vector<Needle> read_needles(const std::filesystem::path& path) {
  return needles_in(contents(path, "needles"), path.string());
}

}  // namespace headscope
