# Headers of others that most files include. Ours stay out: a file must include what it uses of our own.
set(headscope_pch <nlohmann/json.hpp> <fmt/format.h>)

# Torch's headers take 16 s to precompile: once, in the first layer that uses them.
function(headscope_torch_pch target)
  if(target STREQUAL "headscope_lib" OR NOT TARGET headscope_lib)
    target_precompile_headers(${target} PRIVATE "${PROJECT_SOURCE_DIR}/lib/tensor/ops.h" ${headscope_pch})
  else()
    target_precompile_headers(${target} REUSE_FROM headscope_lib)
  endif()
endfunction()

# headscope_layer(NAME [TORCH] DIRS d... LINK t...)
# A static library headscope_NAME (alias headscope::NAME) of every .cpp directly in the DIRS. The list
# of files is the folder itself: adding a file needs no edit here.
function(headscope_layer name)
  cmake_parse_arguments(layer "TORCH" "" "DIRS;LINK" ${ARGN})
  list(TRANSFORM layer_DIRS APPEND "/*.cpp")
  list(TRANSFORM layer_DIRS PREPEND "${PROJECT_SOURCE_DIR}/")
  file(GLOB sources CONFIGURE_DEPENDS ${layer_DIRS})
  list(FILTER sources EXCLUDE REGEX "_cuda\\.cpp$") # the kernel plug-in's (HeadscopeCuda.cmake)
  if(NOT sources)
    return()
  endif()
  add_library(headscope_${name} STATIC ${sources})
  add_library(headscope::${name} ALIAS headscope_${name})
  set_target_properties(headscope_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(headscope_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/headscope>)
  target_compile_features(headscope_${name} PUBLIC cxx_std_20) # for those who link an installed one
  target_link_libraries(headscope_${name} PUBLIC ${layer_LINK} PRIVATE $<BUILD_INTERFACE:headscope_warnings>)
  if(layer_TORCH)
    target_link_libraries(headscope_${name} PUBLIC LibTorch::LibTorch)
    headscope_torch_pch(headscope_${name})
  else()
    target_precompile_headers(headscope_${name} PRIVATE ${headscope_pch})
  endif()
endfunction()
