#include "lib/chat/arguments.h"

#include <algorithm>

namespace headscope::jinja {

BoundArguments::BoundArguments(std::string what,
                               const Arguments& arguments,
                               std::vector<std::string_view> names,
                               std::size_t required)
    : what_(std::move(what)), names_(std::move(names)), values_(names_.size()) {
  if (arguments.positional.size() > names_.size()) {
    throw Fault("{} takes {} arguments at most here, not {}",
                what_,
                names_.size(),
                arguments.positional.size());
  }
  std::copy(arguments.positional.begin(), arguments.positional.end(), values_.begin());
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    const auto place = static_cast<std::size_t>(found - names_.begin());
    if (found == names_.end() || values_[place]) {
      throw Fault("{} has no free parameter '{}' headscope's Jinja knows", what_, name);
    }
    values_[place] = value;
  }
  for (std::size_t place = 0; place < required; ++place) {
    if (!values_[place]) {
      throw Fault("{} lacks its argument {}", what_, place + 1);
    }
  }
}

const Value* BoundArguments::given(std::size_t place) const {
  const Value* value = get(place);
  return value == nullptr || value->is<None>() ? nullptr : value;
}

void BoundArguments::wrong(std::size_t place, std::string_view wanted) const {
  throw Fault("{}: argument {} must be {}, not a value of type {}",
              what_,
              place + 1,
              wanted,
              type_name(*values_[place]));
}

std::string BoundArguments::text(std::size_t place) const {
  const std::string* text = values_[place]->text();
  if (text == nullptr) {
    wrong(place, "a str");
  }
  return *text;
}

std::int64_t BoundArguments::integer(std::size_t place, std::int64_t otherwise) const {
  if (!values_[place]) {
    return otherwise;
  }
  std::int64_t held = 0;
  const std::int64_t* number = jinja::integer(*values_[place], held);
  if (number == nullptr) {
    wrong(place, "an int");
  }
  return *number;
}

bool BoundArguments::flag(std::size_t place, bool otherwise) const {
  return values_[place] ? is_true(*values_[place]) : otherwise;
}

}  // namespace headscope::jinja
