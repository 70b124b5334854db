#include "cli/render/page_policy.h"

#include <string_view>

#include <fmt/format.h>

#include "cli/render/text_codes.h"

namespace headscope {

std::string page_policy(std::string_view hex) {
  std::string digest;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    digest += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return fmt::format(
      "default-src 'none'; script-src 'sha256-{}'; style-src 'unsafe-inline'; img-src data:; "
      "base-uri 'none'; form-action 'none'",
      base64(digest));
}

}  // namespace headscope
