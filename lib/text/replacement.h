// "Replace every match of a pattern by a text": a normaliser and a decoder of tokenizer.json.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/json_fwd.h"
#include "lib/text/pattern.h"

namespace headscope {

// {"String": text} or {"Regex": regex}. Throws DataError, opened by `where`.
Pattern pattern_from_json(const Json& spec, const std::string& where);

class Replacement {
 public:
  // {"pattern": {"String": …} or {"Regex": …}, "content": …}.
  static Replacement from_json(const Json& spec, const std::string& where);

  [[nodiscard]] std::string apply(std::string_view text) const;

 private:
  Replacement(Pattern pattern, std::string literal, std::string content);
  Pattern pattern_;
  std::string literal_;  // not empty: the pattern is this text, found without the regex engine
  std::string content_;
};

}  // namespace headscope
