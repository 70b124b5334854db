# How a layer of the house is compiled: in batches of files (unity), numbers at -O3 and the rest at -O1.
option(HEADSCOPE_UNITY "Compile several files of a layer as one: a third of the time, but a file alone cannot be rebuilt" ON)

# Headers of others that most files include. Ours stay out: a file must include what it uses of our own.
set(headscope_pch <nlohmann/json.hpp> <fmt/format.h> <fmt/ranges.h>)

# Torch's headers take 14 s to precompile and 2 s to load, against 5 s to read: worth it once, in the first layer
# that uses them, for all.
function(headscope_torch_pch target)
  if(target STREQUAL "headscope_lib" OR NOT TARGET headscope_lib)
    target_precompile_headers(${target} PRIVATE "${PROJECT_SOURCE_DIR}/lib/tensor/ops.h" ${headscope_pch})
  else()
    target_precompile_headers(${target} REUSE_FROM headscope_lib)
  endif()
endfunction()

# headscope_compile(TARGET [TORCH] [OPTIMIZE FLAG] [BATCH N])
# What a target of ours is compiled with. OPTIMIZE replaces Release's -O3; N files make a batch.
function(headscope_compile target)
  cmake_parse_arguments(arg "TORCH" "OPTIMIZE;BATCH" "" ${ARGN})
  if(arg_OPTIMIZE)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:${arg_OPTIMIZE}>)
  endif()
  if(HEADSCOPE_UNITY)
    if(NOT arg_BATCH)
      set(arg_BATCH 16)
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${arg_BATCH})
  endif()
  if(arg_TORCH)
    headscope_torch_pch(${target})
  elseif(NOT HEADSCOPE_UNITY)
    target_precompile_headers(${target} PRIVATE ${headscope_pch})
  endif()
endfunction()

# headscope_layer(NAME [TORCH] [OPTIMIZE FLAG] [BATCH N] DIRS d... LINK t...)
# A static library headscope_NAME (alias headscope::NAME) of every .cpp directly in the DIRS. The list
# of files is the folder itself: adding a file needs no edit here.
function(headscope_layer name)
  cmake_parse_arguments(layer "TORCH" "OPTIMIZE;BATCH" "DIRS;LINK" ${ARGN})
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
  set(kind)
  if(layer_TORCH)
    target_link_libraries(headscope_${name} PUBLIC LibTorch::LibTorch)
    set(kind TORCH)
  endif()
  headscope_compile(headscope_${name} ${kind} OPTIMIZE ${layer_OPTIMIZE} BATCH ${layer_BATCH})
endfunction()
