#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/families/families.h"

namespace headscope {

std::span<const Family> all_families() {
#define HEADSCOPE_MAKE(name) name##_family(),
  static const std::vector<Family> families{HEADSCOPE_FAMILIES(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
  return families;
}

const Family& family_for(std::string_view architecture, Naming naming, const std::string& where) {
  std::vector<std::string_view> known;
  for (const Family& family : all_families()) {
    const auto& names = naming == Naming::gguf ? family.gguf : family.architectures;
    if (std::find(names.begin(), names.end(), architecture) != names.end()) {
      return family;
    }
    known.insert(known.end(), names.begin(), names.end());
  }
  throw DataError("{}: architecture \"{}\" is not supported; headscope runs {}",
                  where,
                  architecture,
                  fmt::join(known, ", "));
}

}  // namespace headscope
