# headscope_static_or_shared(TARGET MODULE [ARCHIVES a…])
# An imported interface target for pkg-config's MODULE that links the .a files where the system has them (ARCHIVES:
# their base names, the module's own by default), so that the program runs on machines without the -dev packages'
# shared libraries; else whatever pkg-config says.
function(headscope_static_or_shared target module)
  cmake_parse_arguments(arg "" "" "ARCHIVES" ${ARGN})
  pkg_check_modules(${module} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  set(archives)
  foreach(name IN LISTS arg_ARCHIVES)
    find_library(headscope_archive_${name} lib${name}.a HINTS ${${module}_LIBRARY_DIRS} ${${module}_LIBDIR})
    if(NOT headscope_archive_${name})
      set(archives)
      break()
    endif()
    list(APPEND archives "${headscope_archive_${name}}")
  endforeach()
  mark_as_advanced(headscope_archive_${name})
  if(archives)
    set_target_properties(${target} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${${module}_INCLUDE_DIRS}"
      INTERFACE_LINK_LIBRARIES "${archives};Threads::Threads;${CMAKE_DL_LIBS};m")
  else()
    set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES PkgConfig::${module})
  endif()
endfunction()
