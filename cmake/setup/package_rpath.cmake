# Run by CPack before it packs: the program finds LibTorch beside itself and nowhere else.
file(GLOB_RECURSE programs FOLLOW_SYMLINKS "${CPACK_TEMPORARY_DIRECTORY}/headscope" "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/headscope")
list(FILTER programs INCLUDE REGEX "/bin/headscope$")
foreach(program IN LISTS programs)
  file(RPATH_SET FILE "${program}" NEW_RPATH "$ORIGIN/../lib/headscope")
endforeach()
if(NOT programs)
  message(FATAL_ERROR "no program to pack: run ninja headscope_installed first")
endif()
