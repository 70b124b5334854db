// The choices of an option for its help, out of the list that has them.
#pragma once

#include <string>

namespace headscope {

// "logit_diff, prob, kl" of things with a `name`.
template <typename Items>
std::string names_of(const Items& items) {
  std::string names;
  for (const auto& item : items) {
    names += names.empty() ? "" : ", ";
    names += item.name;
  }
  return names;
}

}  // namespace headscope
