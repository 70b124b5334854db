// The fields of one line of JSON, with errors that name the line and the key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hooks/trace/trace_schema.h"
#include "lib/base/json.h"
#include "lib/text/tokenizer.h"

namespace headscope {

class LineFields {
 public:
  // Throws DataError: malformed JSON, no object, a key that stands twice or is not in `known`.
  LineFields(std::string_view line, std::string where, const std::vector<std::string>& known);

  [[nodiscard]] bool has(const std::string& key) const { return json_.contains(key); }
  [[nodiscard]] const std::string& where() const { return where_; }

  [[nodiscard]] std::string text(const std::string& key) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const;
  [[nodiscard]] std::string name(const std::string& key) const;  // a text or a number; "" if absent
  [[nodiscard]] std::int64_t count(const std::string& key) const;
  [[nodiscard]] std::vector<TokenId> tokens(const std::string& key, std::int64_t d_vocab) const;

  // Ranges within [0, length); none if the key is absent.
  [[nodiscard]] std::map<std::string, Span> spans(const std::string& key,
                                                  std::int64_t length) const;

 private:
  [[nodiscard]] const Json& at(const std::string& key) const;

  std::string where_;
  Json json_;
};

}  // namespace headscope
