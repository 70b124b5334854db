// Reading one JSON object of a document of interventions strictly: what was not asked for is an
// error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

// A whole number that an int64 holds: above it JSON's unsigned numbers would turn negative, which
// counts from the end.
bool is_position(const Json& json);

// Whether f32, in which interventions compute, holds the number: 1e300 would be infinite there.
bool is_f32(double number);
inline constexpr const char* kOfF32 = "a number that f32 holds (up to 3.4e38)";

// The keys of one object, and which of them were asked for. `json` outlives it. Everything throws
// DataError naming `where` and the key.
class InterventionFields {
 public:
  InterventionFields(const Json& json, std::string where);

  [[nodiscard]] const Json* find(const std::string& key);  // null: not there
  [[nodiscard]] std::optional<std::string> text(const std::string& key);
  [[nodiscard]] std::optional<double> number(const std::string& key);
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& key);
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const std::string& key);

  // After all that is known was asked for.
  void refuse_others() const;
  [[noreturn]] void fail(const std::string& key, const std::string& wanted) const;

  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  const Json& json_;
  std::string where_;
  std::vector<std::string> known_;
};

}  // namespace headscope
