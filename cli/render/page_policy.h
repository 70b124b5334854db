// The Content-Security-Policy of every page we write: no request of any kind leaves it, and no
// script runs but ours, so that nothing in a prompt can act.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace headscope {

// `script_sha256`: 64 hex digits of the page's own script, which comes after page.js.
std::string page_policy(std::string_view script_sha256);

// To be asked before the work of a page, and as it is written. Throws UsageError if a file stands
// at `path` that is no page of ours.
void check_page_output(const std::filesystem::path& path);

}  // namespace headscope
