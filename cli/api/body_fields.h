// Reads the keys of one JSON object that a client sent, and knows which it read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

// Every function takes a key that is missing or null as not given, and throws HttpError 400 naming
// the key for a value of another type or out of range.
class BodyFields {
 public:
  // `json` outlives it. `where` opens messages: "" for the body itself, else "stream_options: ".
  explicit BodyFields(const Json& json, std::string where = {});

  [[nodiscard]] const Json* find(const std::string& key);
  [[nodiscard]] std::optional<std::string> text(const std::string& key);
  [[nodiscard]] std::optional<bool> flag(const std::string& key);

  struct Range {
    double low = 0;
    double high = 0;
  };
  [[nodiscard]] std::optional<double> number(const std::string& key, Range range);
  struct IntegerRange {
    std::int64_t low = 0;
    std::int64_t high = 0;
  };
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& key, IntegerRange range);

  // A list of at least one and at most `most`.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const std::string& key,
                                                                  std::size_t most);
  // One text, or a list of at most `most`.
  [[nodiscard]] std::vector<std::string> texts(const std::string& key, std::size_t most);

  // A key that is known and cannot be followed: only `harmless` or null may stand there.
  void refuse(const std::string& key, const std::string& harmless_json, const std::string& why);

  // After all that is known was asked for: throws for any other key, with the nearest.
  void refuse_others() const;

  // "KEY" is not `wanted`.
  [[noreturn]] void fail(const std::string& key, const std::string& wanted) const;
  [[noreturn]] void missing(const std::string& key) const;
  // A value that is well-formed and of no use: `why` is the whole of what is said of it.
  [[noreturn]] void useless(const std::string& key, const std::string& why) const;

 private:
  const Json& json_;
  std::string where_;
  std::vector<std::string> known_;
};

// The JSON object that a body is. HttpError 400 for anything else.
Json body_object(const std::string& body);

}  // namespace headscope
