# Everything headscope is built on. All but LibTorch are Debian's own packages.
find_package(LibTorch 2.11 REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial)

# Header-only fmt: LibTorch bundles a newer fmt's headers, whose symbols the system library lacks.
add_library(headscope_fmt INTERFACE)
target_link_libraries(headscope_fmt INTERFACE fmt::fmt-header-only)

add_library(headscope_hdf5 INTERFACE)
target_link_libraries(headscope_hdf5 INTERFACE PkgConfig::hdf5)

# stb (pictures and text without a graphics stack) and a font, compiled into the program so that it
# needs no files at run time.
add_library(headscope_font INTERFACE)
pkg_check_modules(stb REQUIRED IMPORTED_TARGET stb)
target_link_libraries(headscope_font INTERFACE PkgConfig::stb)
