# What only the program (cli/) needs: the command line parser and what is compiled into it so that it
# needs no files at run time: stb's headers, a font, the viewer page's script and styles.
find_package(CLI11 REQUIRED)

pkg_check_modules(stb REQUIRED stb)
add_library(headscope_font INTERFACE)
target_include_directories(headscope_font SYSTEM INTERFACE ${stb_INCLUDE_DIRS})
find_file(HEADSCOPE_FONT_FILE DejaVuSans.ttf
          PATHS /usr/share/fonts/truetype/dejavu /usr/share/fonts/dejavu-sans-fonts /usr/share/fonts/TTF)
if(NOT HEADSCOPE_FONT_FILE)
  message(FATAL_ERROR "DejaVuSans.ttf not found: apt-get install fonts-dejavu-core, or pass -DHEADSCOPE_FONT_FILE=…")
endif()

# Boost's headers, for HTTP alone (cli/http): nothing of Boost is linked.
find_path(HEADSCOPE_BOOST_INCLUDE_DIR boost/beast/http/parser.hpp)
if(NOT HEADSCOPE_BOOST_INCLUDE_DIR)
  message(FATAL_ERROR "Boost's headers not found: apt-get install libboost1.81-dev (Debian 12) or libboost-dev (newer)")
endif()
add_library(headscope_boost INTERFACE)
target_include_directories(headscope_boost SYSTEM INTERFACE "${HEADSCOPE_BOOST_INCLUDE_DIR}")
target_compile_definitions(headscope_boost INTERFACE BOOST_ASIO_NO_DEPRECATED)

set(headscope_assets "${PROJECT_SOURCE_DIR}/cli/render/assets")
file(GLOB headscope_asset_files CONFIGURE_DEPENDS "${headscope_assets}/*")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headscope_asset_files})
set(viewer_js_hash "")
if(EXISTS "${headscope_assets}/viewer.js")
  # A page's security policy names its two scripts by hash.
  file(SHA256 "${headscope_assets}/page.js" page_js_hash)
  file(SHA256 "${headscope_assets}/viewer.js" viewer_js_hash)
  file(SHA256 "${headscope_assets}/sweep.js" sweep_js_hash)
  file(SHA256 "${headscope_assets}/lens.js" lens_js_hash)
  file(SHA256 "${headscope_assets}/atlas.js" atlas_js_hash)
  file(SHA256 "${headscope_assets}/circuit.js" circuit_js_hash)
endif()
set_source_files_properties(cli/render/assets.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_asset_files};${HEADSCOPE_FONT_FILE}"
  COMPILE_DEFINITIONS
    "HEADSCOPE_FONT_FILE=\"${HEADSCOPE_FONT_FILE}\";HEADSCOPE_ASSETS=\"${headscope_assets}\";HEADSCOPE_PAGE_SHA256=\"${page_js_hash}\";HEADSCOPE_VIEWER_SHA256=\"${viewer_js_hash}\";HEADSCOPE_SWEEP_SHA256=\"${sweep_js_hash}\";HEADSCOPE_LENS_SHA256=\"${lens_js_hash}\";HEADSCOPE_ATLAS_SHA256=\"${atlas_js_hash}\";HEADSCOPE_CIRCUIT_SHA256=\"${circuit_js_hash}\"")
set(headscope_api_assets "${PROJECT_SOURCE_DIR}/cli/api/assets")
file(GLOB headscope_api_asset_files CONFIGURE_DEPENDS "${headscope_api_assets}/*")
set_source_files_properties(cli/api/page_assets.cpp PROPERTIES
  OBJECT_DEPENDS "${headscope_api_asset_files}"
  COMPILE_DEFINITIONS "HEADSCOPE_API_ASSETS=\"${headscope_api_assets}\"")
