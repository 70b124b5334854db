# headscope_static_or_shared(TARGET MODULE PROBE function [ARCHIVES a…])
# An imported interface target for pkg-config's MODULE that links the .a files where the system has them (ARCHIVES:
# their base names, the module's own by default), so that the program runs on machines without the -dev packages'
# shared libraries; else whatever pkg-config says. PROBE is a function of the library: archives that a program calling
# it cannot be linked with, because they need more than they bring (Debian 13's HDF5 needs curl), are left alone.
include(CheckCXXSourceCompiles)

function(headscope_static_or_shared target module)
  cmake_parse_arguments(arg "" "PROBE" "ARCHIVES" ${ARGN})
  pkg_check_modules(${module} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  set(archives)
  foreach(name IN LISTS arg_ARCHIVES)
    find_library(headscope_archive_${name} lib${name}.a HINTS ${${module}_LIBRARY_DIRS} ${${module}_LIBDIR})
    mark_as_advanced(headscope_archive_${name})
    if(NOT headscope_archive_${name})
      set(archives)
      break()
    endif()
    list(APPEND archives "${headscope_archive_${name}}")
  endforeach()
  if(archives)
    set(CMAKE_REQUIRED_LIBRARIES "${archives};Threads::Threads;${CMAKE_DL_LIBS};m")
    set(CMAKE_REQUIRED_QUIET ON)
    check_cxx_source_compiles("extern \"C\" int ${arg_PROBE}(); int main() { return ${arg_PROBE}(); }"
      ${target}_links_statically)
    if(NOT ${target}_links_statically)
      message(STATUS "${module}: its archives need more than they bring, so the shared library is linked")
    endif()
  endif()
  if(archives AND ${target}_links_statically)
    set_target_properties(${target} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${${module}_INCLUDE_DIRS}"
      INTERFACE_LINK_LIBRARIES "${archives};Threads::Threads;${CMAKE_DL_LIBS};m")
  else()
    set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES PkgConfig::${module})
  endif()
endfunction()
