#include "lib/text/line_fields.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/suggest.h"
#include "lib/text/text_span.h"

namespace headscope {
namespace {

bool is_range(const Json& range) {
  return range.is_array() && range.size() == 2 && range[0].is_number_integer() &&
         range[1].is_number_integer();
}

}  // namespace

void for_each_line(
    const std::filesystem::path& jsonl,
    const JsonlKind& kind,
    const std::function<void(const std::string& line, const std::string& where)>& use) {
  std::error_code ignored;  // opening the file reports whatever else is wrong
  if (std::filesystem::is_directory(jsonl, ignored)) {
    throw DataError("{}: is a directory; {} one JSONL file", jsonl.string(), kind.said);
  }
  std::ifstream file(jsonl);
  if (!file) {
    throw DataError("{}: cannot open {}: {}", jsonl.string(), kind.named, std::strerror(errno));
  }
  std::string text;
  for (std::int64_t number = 1; std::getline(file, text); ++number) {
    if (text.find_first_not_of(" \t\r") != std::string::npos) {
      use(text, fmt::format("{}:{}", jsonl.string(), number));
    }
  }
  if (file.bad()) {
    throw DataError("{}: cannot be read to its end", jsonl.string());
  }
}

void LineIds::add(const std::string& id, const std::string& where, std::string_view items) {
  const auto [first, is_new] = line_of_id_.emplace(id, where);
  if (!is_new) {
    throw DataError(
        "{}: the id \"{}\" is that of {}; give each {} its own (one without has its number, from "
        "0)",
        where,
        id,
        first->second,
        items);
  }
}

LineFields::LineFields(std::string_view line,
                       std::string where,
                       const std::vector<std::string>& known,
                       const JsonlKind& kind)
    : where_(std::move(where)), json_(parse_json_line(line, where_)) {
  if (!json_.is_object()) {
    throw DataError("{}: {}", where_, kind.object);
  }
  for (const auto& [key, value] : json_.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const std::string hint = did_you_mean(key, known);
      throw DataError("{}: unknown key \"{}\"{}", where_, key, hint);
    }
  }
}

const Json& LineFields::at(const std::string& key) const {
  if (!json_.contains(key)) {
    throw DataError("{}: \"{}\" is missing", where_, key);
  }
  return json_.at(key);
}

std::string LineFields::text(const std::string& key) const {
  if (!at(key).is_string()) {
    throw DataError("{}: \"{}\" is not a text", where_, key);
  }
  return at(key).get<std::string>();
}

std::vector<std::string> LineFields::texts(const std::string& key) const {
  std::vector<std::string> out;
  const Json& list = at(key);
  if (!list.is_array()) {
    throw DataError("{}: \"{}\" is not a list of texts", where_, key);
  }
  for (const Json& text : list) {
    if (!text.is_string() || text.get<std::string>().empty()) {
      throw DataError("{}: \"{}\" holds {}, not a text", where_, key, text.dump());
    }
    out.push_back(text.get<std::string>());
  }
  return out;
}

std::string LineFields::name(const std::string& key) const {
  if (!has(key)) {
    return "";
  }
  if (!at(key).is_string() && !at(key).is_number_integer()) {
    throw DataError("{}: \"{}\" is neither a text nor a whole number", where_, key);
  }
  return at(key).is_string() ? at(key).get<std::string>() : at(key).dump();
}

std::int64_t LineFields::count(const std::string& key) const {
  if (!at(key).is_number_integer()) {
    throw DataError("{}: \"{}\" is not a whole number", where_, key);
  }
  return at(key).get<std::int64_t>();
}

std::vector<TokenId> LineFields::tokens(const std::string& key, std::int64_t d_vocab) const {
  std::vector<TokenId> out;
  const Json& list = at(key);
  if (!list.is_array()) {
    throw DataError("{}: \"{}\" is not a list of tokens", where_, key);
  }
  for (const Json& token : list) {
    if (!token.is_number_integer() || token.get<std::int64_t>() < 0 ||
        token.get<std::int64_t>() >= d_vocab) {
      throw DataError("{}: \"{}\": {} is not a token below {}", where_, key, token.dump(), d_vocab);
    }
    out.push_back(token.get<TokenId>());
  }
  return out;
}

std::map<std::string, Span> LineFields::spans(const std::string& key,
                                              std::int64_t length,
                                              const std::vector<std::string>& pieces) const {
  std::map<std::string, Span> out;
  if (!has(key)) {
    return out;
  }
  if (!at(key).is_object()) {
    throw DataError("{}: \"{}\" is not an object", where_, key);
  }
  for (const auto& [name, range] : at(key).items()) {
    if (range.is_string() && !pieces.empty()) {
      out[name] = span_of_text(
          pieces, range.get<std::string>(), fmt::format("{}: span \"{}\"", where_, name));
      continue;
    }
    if (!is_range(range)) {
      throw DataError("{}: span \"{}\" is not [begin, end)", where_, name);
    }
    const Span span{range[0].get<std::int64_t>(), range[1].get<std::int64_t>()};
    if (span.begin < 0 || span.end <= span.begin || span.end > length) {
      throw DataError("{}: span \"{}\" [{}, {}) does not lie in prompts of {} tokens",
                      where_,
                      name,
                      span.begin,
                      span.end,
                      length);
    }
    out[name] = span;
  }
  return out;
}

}  // namespace headscope
