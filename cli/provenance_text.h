// What provenance says under a key.
#pragma once

#include <string>

#include "lib/base/json.h"

namespace headscope {

// "" where there is no such key or its value is no text.
inline std::string text_of(const Json& provenance, const std::string& key) {
  const auto found = provenance.find(key);
  return found == provenance.end() || !found->is_string() ? "" : found->get<std::string>();
}

}  // namespace headscope
