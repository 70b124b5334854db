#include "cli/render/assets.h"

#include "lib/base/embed.h"

HEADSCOPE_EMBED(asset_font, HEADSCOPE_FONT_FILE)
HEADSCOPE_EMBED(asset_page_js, HEADSCOPE_ASSETS "/page.js")
HEADSCOPE_EMBED(asset_page_css, HEADSCOPE_ASSETS "/page.css")
HEADSCOPE_EMBED(asset_viewer_js, HEADSCOPE_ASSETS "/viewer.js")
HEADSCOPE_EMBED(asset_viewer_css, HEADSCOPE_ASSETS "/viewer.css")
HEADSCOPE_EMBED(asset_sweep_js, HEADSCOPE_ASSETS "/sweep.js")
HEADSCOPE_EMBED(asset_sweep_css, HEADSCOPE_ASSETS "/sweep.css")
HEADSCOPE_EMBED(asset_lens_js, HEADSCOPE_ASSETS "/lens.js")
HEADSCOPE_EMBED(asset_lens_css, HEADSCOPE_ASSETS "/lens.css")
HEADSCOPE_EMBED(asset_report_css, HEADSCOPE_ASSETS "/report.css")
HEADSCOPE_EMBED(asset_atlas_js, HEADSCOPE_ASSETS "/atlas.js")
HEADSCOPE_EMBED(asset_atlas_css, HEADSCOPE_ASSETS "/atlas.css")
HEADSCOPE_EMBED(asset_circuit_js, HEADSCOPE_ASSETS "/circuit.js")
HEADSCOPE_EMBED(asset_circuit_css, HEADSCOPE_ASSETS "/circuit.css")

namespace headscope {

std::string_view asset_page_js_sha256() {
  return HEADSCOPE_PAGE_SHA256;
}

std::string_view asset_viewer_js_sha256() {
  return HEADSCOPE_VIEWER_SHA256;
}

std::string_view asset_sweep_js_sha256() {
  return HEADSCOPE_SWEEP_SHA256;
}

std::string_view asset_lens_js_sha256() {
  return HEADSCOPE_LENS_SHA256;
}

std::string_view asset_atlas_js_sha256() {
  return HEADSCOPE_ATLAS_SHA256;
}

std::string_view asset_circuit_js_sha256() {
  return HEADSCOPE_CIRCUIT_SHA256;
}

}  // namespace headscope
