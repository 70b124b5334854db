// A model's config.json, read field by field. Whatever a family does not read, and is not known to
// be without effect on the forward pass, is an error: a model is never run on a guess.
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/json.h"

namespace headscope {

class ConfigFields {
 public:
  // `where` opens error messages: the path of the config.
  ConfigFields(Json json, std::string where);

  [[nodiscard]] bool has(std::string_view name) const;  // present and not null

  // The field's value; DataError if it is missing or of another type.
  [[nodiscard]] std::int64_t integer(std::string_view name);
  [[nodiscard]] double number(std::string_view name);
  [[nodiscard]] std::string text(std::string_view name);

  // The same, `fallback` if missing. A null is no way of leaving a field out: DataError.
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback);
  [[nodiscard]] double number(std::string_view name, double fallback);
  [[nodiscard]] std::string text(std::string_view name, std::string_view fallback);
  [[nodiscard]] bool flag(std::string_view name, bool fallback);

  // The same where transformers takes a null too: `fallback` if missing or null.
  [[nodiscard]] std::int64_t optional_integer(std::string_view name, std::int64_t fallback);
  [[nodiscard]] double optional_number(std::string_view name, double fallback);

  // Whoever wrote this config writes null for what it leaves out: no null is an error.
  void take_nulls_as_missing();

  [[nodiscard]] Json raw(std::string_view name);  // null if missing

  // What a missing field means to the library that wrote the config.
  void set_default(std::string_view name, const Json& value);

  // The field means `value`, whatever it holds.
  void replace(std::string_view name, const Json& value);

  // `other` is another release's name of `name`. Where both are given and differ, DataError naming
  // both. Where `other` alone is given, errors call the field so.
  void also_called(std::string_view name, std::string_view other);

  // `name` may say again what the model takes from elsewhere: DataError naming both unless it is
  // missing, null or equal to `value`, which `source` describes ("\"rotary_pct\"").
  void require_same(std::string_view name, const Json& value, std::string_view source);

  // The same where transformers reads `source` and never `name`: another value of `name` is a
  // warning (lib/base/warning.h) that says so.
  void tell_if_other(std::string_view name, const Json& value, std::string_view source);

  // Fields that change nothing in a forward pass.
  void ignore(std::initializer_list<std::string_view> names);

  // DataError unless the field is missing, null or equal to `value`.
  void require(std::string_view name, const Json& value);

  // DataError naming the first field nobody read.
  void finish() const;

  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  const Json* find(std::string_view name);
  const Json& must_find(std::string_view name);
  // Is there a value? DataError for a null.
  bool is_given(std::string_view name);
  // The name under which the file has the field.
  [[nodiscard]] std::string_view spelt(std::string_view name) const;

  Json json_;
  std::string where_;
  std::set<std::string, std::less<>> read_;
  std::map<std::string, std::string, std::less<>> other_names_;  // that the file uses
};

}  // namespace headscope
