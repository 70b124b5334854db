// Looking things up by their names, in lists and tables of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {

// The one of `all` whose .name is `name`. Throws UsageError if there is none: what `none` says,
// with the nearest names and all there are.
template <typename List>
const auto& find_named(const List& all, std::string_view name, const std::string& none) {
  std::vector<std::string> names;
  for (const auto& each : all) {
    if (each.name == name) {
      return each;
    }
    names.emplace_back(each.name);
  }
  throw UsageError(
      "{}{}; there are {}", none, did_you_mean(std::string(name), names), fmt::join(names, ", "));
}

// Of a table of pairs {value, name}: the name of a value, which is in it.
template <typename Table, typename Value>
std::string_view name_of(const Table& table, const Value& value) {
  for (const auto& [known, name] : table) {
    if (known == value) {
      return name;
    }
  }
  throw InternalError("a value without a name");
}

// … and the value of a name. Throws DataError if there is none, `what` being what it was to name.
template <typename Table>
auto value_named(const Table& table, std::string_view text, std::string_view what) {
  std::vector<std::string> names;
  for (const auto& [value, name] : table) {
    if (name == text) {
      return value;
    }
    names.emplace_back(name);
  }
  throw DataError("{} \"{}\": there is {}{}",
                  what,
                  text,
                  fmt::join(names, ", "),
                  did_you_mean(std::string(text), names));
}

}  // namespace headscope
