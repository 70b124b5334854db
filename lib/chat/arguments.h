// Arguments by the names of parameters, as Python binds them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/chat/value.h"

namespace headscope::jinja {

class BoundArguments {
 public:
  // `what` is called with `arguments`; its parameters have `names` (one that begins with "/" can be
  // given by its place alone), of which the first `required` must be given. Fault for anything that
  // does not fit.
  BoundArguments(std::string what,
                 const Arguments& arguments,
                 std::vector<std::string_view> names,
                 std::size_t required = 0);

  // The argument at a parameter's place, or null.
  [[nodiscard]] const Value* get(std::size_t place) const {
    return values_[place] ? &*values_[place] : nullptr;
  }
  // As get(), but none counts as not given.
  [[nodiscard]] const Value* given(std::size_t place) const;

  // Fault, naming parameter and type, if what is given is of another type.
  [[nodiscard]] std::string text(std::size_t place) const;
  [[nodiscard]] std::int64_t integer(std::size_t place, std::int64_t otherwise) const;
  [[nodiscard]] bool flag(std::size_t place, bool otherwise) const;  // any value's truth

 private:
  [[noreturn]] void wrong(std::size_t place, std::string_view wanted) const;
  std::string what_;
  std::vector<std::string_view> names_;
  std::vector<std::optional<Value>> values_;
};

}  // namespace headscope::jinja
