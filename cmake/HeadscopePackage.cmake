# `make package`: a .deb of the program alone, for a user who wants to run it and not to compile for half an hour. It
# brings LibTorch's libraries (450 MB, some 100 packed): to fetch them at first use would save no byte, and would fail
# on a machine without a network, under a read-only home and for the second user of a cluster node. What else the
# program links lies inside it, so that one file installs on every Debian from the one it was built on.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME headscope)
set(CPACK_PACKAGE_VENDOR headscope)
set(CPACK_PACKAGE_CONTACT "the authors of headscope")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "attention heads of language models, recorded, seen and changed")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL program libtorch)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
execute_process(COMMAND getconf GNU_LIBC_VERSION OUTPUT_VARIABLE libc OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
string(REGEX REPLACE "^glibc " "" libc "${libc}")
string(REGEX MATCH "^[0-9]+" compiler "${CMAKE_CXX_COMPILER_VERSION}")
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6 (>= ${libc}), libstdc++6 (>= ${compiler}), libgcc-s1")
# For /usr/lib/headscope/setup/model, which fetches the default model.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3-pip, unzip")
# The path of this machine's LibTorch has no place in a package.
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/setup/package_rpath.cmake")
include(CPack)
