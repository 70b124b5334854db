# The kernel plug-in libheadscope_cuda.so: every lib/**/*_cuda.cpp (ATen, streams, dispatcher registration) and
# lib/**/*_cuda.cu (kernels, no ATen). The program does not link it but opens it for --device cuda, so one program runs
# with and without a GPU. Built when nvcc, LibTorch's c10_cuda and such files are there.
set(HEADSCOPE_CUDA AUTO CACHE STRING "Build the kernel plug-in: AUTO (where nvcc is found), ON, OFF")
set_property(CACHE HEADSCOPE_CUDA PROPERTY STRINGS AUTO ON OFF)


# Sets HEADSCOPE_CUDA_WHY to what is missing, or to nothing.
function(headscope_cuda_check)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS lib/*_cuda.cpp lib/*_cuda.cu)
  set(HEADSCOPE_CUDA_SOURCES ${sources} PARENT_SCOPE)
  include(CheckLanguage)
  check_language(CUDA)
  set(why "")
  if(NOT CMAKE_CUDA_COMPILER OR NOT TARGET LibTorch::c10_cuda OR NOT TARGET LibTorch::cudart)
    set(why "the CUDA plug-in needs nvcc (found: ${CMAKE_CUDA_COMPILER}) and a LibTorch with libc10_cuda and libcudart")
  endif()
  set(HEADSCOPE_CUDA_WHY "${why}" PARENT_SCOPE)
endfunction()

function(headscope_cuda_plugin)
  # Hopper's machine code with its own instructions (wgmma: 90a), and PTX that any GPU since Ampere compiles at its
  # first use.
  add_library(headscope_cuda SHARED ${HEADSCOPE_CUDA_SOURCES})
  # The CUDA run time is the one LibTorch brings: two in one process would not share streams.
  set_target_properties(headscope_cuda PROPERTIES
    CUDA_ARCHITECTURES "90a-real;80-virtual" CUDA_STANDARD 17
    CUDA_RUNTIME_LIBRARY None CXX_VISIBILITY_PRESET hidden)
  target_include_directories(headscope_cuda PRIVATE ${PROJECT_SOURCE_DIR})
  target_include_directories(headscope_cuda SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  target_link_libraries(headscope_cuda PRIVATE LibTorch::LibTorch LibTorch::c10_cuda LibTorch::cudart headscope_fmt)
  target_compile_options(headscope_cuda PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra>)
  # It links none of our libraries, so none of fmt's compiled part.
  target_compile_definitions(headscope_cuda PRIVATE $<$<COMPILE_LANGUAGE:CXX>:FMT_HEADER_ONLY=1>)
  install(TARGETS headscope_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/headscope)
endfunction()

if(HEADSCOPE_CUDA)
  headscope_cuda_check()
  if(NOT HEADSCOPE_CUDA_WHY)
    set(CMAKE_CUDA_ARCHITECTURES 90-real)
    enable_language(CUDA)  # in the top-level scope: a function's would not keep it
    headscope_cuda_plugin()
  elseif(HEADSCOPE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "${HEADSCOPE_CUDA_WHY}; put nvcc on PATH, or configure with -DHEADSCOPE_CUDA=AUTO")
  else()
    message(STATUS "No kernels for the GPU: ${HEADSCOPE_CUDA_WHY}")
  endif()
endif()
