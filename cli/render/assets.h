// Files compiled into the program: the font of PNG text, and the script and styles of our pages.
#pragma once

#include <string_view>

namespace headscope {

std::string_view asset_font();     // DejaVuSans.ttf
std::string_view asset_page_js();  // what all pages share
std::string_view asset_page_css();
std::string_view asset_viewer_js();
std::string_view asset_viewer_css();
std::string_view asset_report_css();
std::string_view asset_sweep_js();
std::string_view asset_sweep_css();
std::string_view asset_lens_js();
std::string_view asset_lens_css();
std::string_view asset_atlas_js();
std::string_view asset_atlas_css();
std::string_view asset_circuit_js();
std::string_view asset_circuit_css();

// SHA-256 of the scripts, 64 hex digits.
std::string_view asset_page_js_sha256();
std::string_view asset_viewer_js_sha256();
std::string_view asset_sweep_js_sha256();
std::string_view asset_lens_js_sha256();
std::string_view asset_atlas_js_sha256();
std::string_view asset_circuit_js_sha256();

}  // namespace headscope
