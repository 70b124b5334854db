# What the libraries are built on: LibTorch and Debian's own packages. (What only the program needs is in
# HeadscopeProgram.cmake.) Installed beside the CMake package, which reads it too, so that a project that links
# headscope finds the same things.
include("${CMAKE_CURRENT_LIST_DIR}/HeadscopeStatic.cmake")

find_package(LibTorch 2.11...<2.12 REQUIRED)
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)

# Imported, so that our own libraries name them and nothing of them is installed.
foreach(name IN ITEMS fmt pcre2 utf8proc xxhash zlib hdf5)
  if(NOT TARGET headscope_${name})
    add_library(headscope_${name} INTERFACE IMPORTED GLOBAL)
  endif()
endforeach()

# fmt's headers are the ones LibTorch brings, behind a folder with nothing else of it: two versions in one program
# would not agree. What is not inline in them is compiled once, in lib/base/fmt.cpp.
set(headscope_fmt_dir "${CMAKE_CURRENT_BINARY_DIR}/headscope_fmt")
file(MAKE_DIRECTORY "${headscope_fmt_dir}")
file(CREATE_LINK "${LibTorch_INCLUDE_DIR}/fmt" "${headscope_fmt_dir}/fmt" SYMBOLIC)
set_target_properties(headscope_fmt PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${headscope_fmt_dir}")
headscope_static_or_shared(headscope_pcre2 libpcre2-8 PROBE pcre2_config_8 ARCHIVES pcre2-8)
headscope_static_or_shared(headscope_utf8proc libutf8proc PROBE utf8proc_version ARCHIVES utf8proc)
headscope_static_or_shared(headscope_xxhash libxxhash PROBE XXH_versionNumber ARCHIVES xxhash)
headscope_static_or_shared(headscope_zlib zlib PROBE zlibVersion ARCHIVES z)
# On Debian 12 the static HDF5 needs nothing of the 30 libraries (curl, Kerberos, LDAP …) that the shared one pulls in.
headscope_static_or_shared(headscope_hdf5 hdf5-serial PROBE H5open ARCHIVES hdf5 sz aec z)
