# Finds LibTorch without its own CMake package, which insists on a CUDA toolkit at configure time.
#
# Looked for, in this order:
#   LibTorch_ROOT        a folder with include/ and lib/ (make sets it to the cached wheel)
#   Torch_DIR            …/share/cmake/Torch of an installed LibTorch
#   CMAKE_PREFIX_PATH    searched as usual
#   the download cache   $XDG_CACHE_HOME/headscope or ~/.cache/headscope, filled by cmake/setup/libtorch
#   python3 -c 'import torch'
#
# Defines the imported target LibTorch::LibTorch (libtorch_cpu and libc10; nothing of CUDA) and, where
# present, LibTorch::c10_cuda and LibTorch::cudart for the kernel plug-in.
set(_LibTorch_hints ${LibTorch_ROOT} $ENV{LibTorch_ROOT})
if(Torch_DIR)
  list(APPEND _LibTorch_hints "${Torch_DIR}/../../..")
endif()

set(_LibTorch_cache "$ENV{XDG_CACHE_HOME}")
if(NOT _LibTorch_cache)
  set(_LibTorch_cache "$ENV{HOME}/.cache")
endif()

find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h
  HINTS ${_LibTorch_hints} PATHS "${_LibTorch_cache}/headscope/torch-2.11.0" PATH_SUFFIXES include)
if(NOT LibTorch_INCLUDE_DIR)
  execute_process(
    COMMAND python3 -c "import os, torch; print(os.path.dirname(torch.__file__))"
    OUTPUT_VARIABLE _LibTorch_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h HINTS "${_LibTorch_python}" PATH_SUFFIXES include)
endif()
get_filename_component(_LibTorch_prefix "${LibTorch_INCLUDE_DIR}" DIRECTORY)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS "${_LibTorch_prefix}/lib")
find_library(LibTorch_C10_LIBRARY c10 HINTS "${_LibTorch_prefix}/lib")
find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda HINTS "${_LibTorch_prefix}/lib")
find_file(LibTorch_CUDART_LIBRARY libcudart.so.13
  HINTS "${_LibTorch_prefix}/lib" "${_LibTorch_prefix}/../nvidia/cu13/lib" "${_LibTorch_prefix}/../nvidia/cuda_runtime/lib")

set(_LibTorch_version_header "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
if(NOT EXISTS "${_LibTorch_version_header}")
  set(_LibTorch_version_header "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h")
endif()
if(EXISTS "${_LibTorch_version_header}")
  file(STRINGS "${_LibTorch_version_header}" _LibTorch_parts REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
  list(TRANSFORM _LibTorch_parts REPLACE ".* ([0-9]+)$" "\\1")
  list(JOIN _LibTorch_parts "." LibTorch_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION HANDLE_VERSION_RANGE)

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES
    IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}"
    INTERFACE_LINK_LIBRARIES LibTorch::c10
    INTERFACE_LINK_OPTIONS "-Wl,-rpath-link,${_LibTorch_prefix}/lib")
  if(LibTorch_C10_CUDA_LIBRARY)
    add_library(LibTorch::c10_cuda SHARED IMPORTED)
    set_target_properties(LibTorch::c10_cuda PROPERTIES
      IMPORTED_LOCATION "${LibTorch_C10_CUDA_LIBRARY}" INTERFACE_LINK_LIBRARIES LibTorch::c10)
  endif()
  if(LibTorch_CUDART_LIBRARY)
    add_library(LibTorch::cudart SHARED IMPORTED)
    set_target_properties(LibTorch::cudart PROPERTIES
      IMPORTED_LOCATION "${LibTorch_CUDART_LIBRARY}" IMPORTED_SONAME libcudart.so.13)
  endif()
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_C10_CUDA_LIBRARY
                 LibTorch_CUDART_LIBRARY)
