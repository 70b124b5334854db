#include "cli/render/assets.h"

// The assembler takes the files in as they are; no generated sources, no run-time paths.
#define HEADSCOPE_EMBED(name, path)                                                       \
  asm(".pushsection .rodata\n"                                                            \
      ".global headscope_" #name                                                          \
      "_begin\n"                                                                          \
      "headscope_" #name "_begin: .incbin \"" path                                        \
      "\"\n"                                                                              \
      ".global headscope_" #name                                                          \
      "_end\n"                                                                            \
      "headscope_" #name                                                                  \
      "_end: .byte 0\n"                                                                   \
      ".popsection\n");                                                                   \
  extern "C" const char headscope_##name##_begin[];                                       \
  extern "C" const char headscope_##name##_end[];                                         \
  namespace headscope {                                                                   \
  std::string_view asset_##name() {                                                       \
    return {headscope_##name##_begin,                                                     \
            static_cast<std::size_t>(headscope_##name##_end - headscope_##name##_begin)}; \
  }                                                                                       \
  }

HEADSCOPE_EMBED(font, HEADSCOPE_FONT_FILE)
HEADSCOPE_EMBED(viewer_js, HEADSCOPE_ASSETS "/viewer.js")
HEADSCOPE_EMBED(viewer_css, HEADSCOPE_ASSETS "/viewer.css")
HEADSCOPE_EMBED(report_css, HEADSCOPE_ASSETS "/report.css")
HEADSCOPE_EMBED(atlas_js, HEADSCOPE_ASSETS "/atlas.js")
HEADSCOPE_EMBED(atlas_css, HEADSCOPE_ASSETS "/atlas.css")

namespace headscope {

std::string_view asset_viewer_js_sha256() {
  return HEADSCOPE_VIEWER_SHA256;
}

std::string_view asset_atlas_js_sha256() {
  return HEADSCOPE_ATLAS_SHA256;
}

}  // namespace headscope
