#include "lib/text/replacement.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"

namespace headscope {

Pattern pattern_from_json(const Json& spec, const std::string& where) {
  if (const auto regex = optional_string(spec, "Regex", where)) {
    return Pattern::regex(*regex, where);
  }
  return Pattern::literal(string_field(spec, "String", where), where);
}

Replacement::Replacement(Pattern pattern, std::string literal, std::string content)
    : pattern_(std::move(pattern)), literal_(std::move(literal)), content_(std::move(content)) {}

Replacement Replacement::from_json(const Json& spec, const std::string& where) {
  const Json& pattern = field(spec, "pattern", where);
  return {pattern_from_json(pattern, where),
          optional_string(pattern, "Regex", where) ? "" : string_field(pattern, "String", where),
          string_field(spec, "content", where)};
}

std::string Replacement::apply(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  std::size_t done = 0;
  const auto replace = [&](std::size_t begin, std::size_t end) {
    out.append(text.substr(done, begin - done)).append(content_);
    done = end;
  };
  if (!literal_.empty()) {
    for (auto at = text.find(literal_); at != text.npos; at = text.find(literal_, done)) {
      replace(at, at + literal_.size());
    }
  } else {
    Matcher matcher(pattern_);
    matcher.start(text);
    while (const auto match = matcher.next()) {
      replace(match->begin, match->end);
    }
  }
  return out.append(text.substr(done));
}

}  // namespace headscope
