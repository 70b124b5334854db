#include "cli/render/page_policy.h"

#include <string_view>

#include <fmt/format.h>

#include "cli/render/assets.h"
#include "cli/render/text_codes.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

constexpr std::string_view kPolicyBegins = "default-src 'none'; script-src 'sha256-";

// Every page of ours has the policy in its head.
constexpr TextKind kPage{.noun = "page", .is = [](std::string_view beginning) {
                           return beginning.starts_with("<!doctype html>") &&
                                  beginning.substr(0, 1024).find(kPolicyBegins) !=
                                      std::string_view::npos;
                         }};

std::string base64_of(std::string_view hex) {
  std::string digest;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    digest += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return base64(digest);
}

}  // namespace

std::string page_policy(std::string_view script_sha256) {
  return fmt::format(
      "{}{}' 'sha256-{}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action "
      "'none'",
      kPolicyBegins,
      base64_of(asset_page_js_sha256()),
      base64_of(script_sha256));
}

void check_page_output(const std::filesystem::path& path) {
  check_output_file(path);
  check_replaceable(path, kPage);
}

}  // namespace headscope
