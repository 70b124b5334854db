# How headscope is compiled: language level, warnings, ccache, sanitizers.
option(HEADSCOPE_TESTS "Build the tests" ON)
option(HEADSCOPE_ASAN "Build with AddressSanitizer, and what is free of Torch with UndefinedBehaviorSanitizer" OFF)
option(HEADSCOPE_TSAN "Build with ThreadSanitizer" OFF)
option(HEADSCOPE_WERROR "Treat warnings as errors" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")

find_program(CCACHE ccache)
if(CCACHE)
  # A precompiled header is safe to cache once its defines and times are left out of the key.
  # Paths below the source folder count as relative, so that clones share what they compiled.
  set(ccache_settings CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${ccache_settings} ${CCACHE})
  # For a source that reads itself at run time: there __FILE__ must stay the whole path.
  set(HEADSCOPE_WHOLE_PATH_LAUNCHER ${CMAKE_COMMAND} -E env ${ccache_settings} ${CCACHE})
endif()

# From GCC 13 on these follow from -O2, and a header precompiled at -O3 would not serve what is compiled at -O1.
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-munroll-only-small-loops HEADSCOPE_KNOWS_SMALL_LOOPS)
if(HEADSCOPE_KNOWS_SMALL_LOOPS)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-munroll-only-small-loops> $<$<COMPILE_LANGUAGE:CXX>:-mvzeroupper>)
endif()

# GCC 12 sees overlaps and overflows inside std::string that are not there (its bugs 105651, 105329): those two
# warnings are off.
#
# Interface target every target of ours links: the warnings we keep the code free of.
add_library(headscope_warnings INTERFACE)
target_compile_options(headscope_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overflow;-fpch-preprocess>
  $<$<BOOL:${HEADSCOPE_WERROR}>:-Werror>)
# The same for tests, never fatal: GCC 12 warns of overflows inside std::string in what Catch2's macros expand to.
add_library(headscope_test_warnings INTERFACE)
target_compile_options(headscope_test_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)

# clang's libFuzzer (make fuzz): what it compiles tells which branches an input took.
option(HEADSCOPE_FUZZ "Build the program that fuzzes the readers of files; needs clang" OFF)
if(HEADSCOPE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "fuzzing needs clang: make fuzz, or CMAKE_CXX_COMPILER=clang++")
  endif()
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG")
  add_compile_options(-fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# LibTorch is not instrumented: what happens inside it is not seen (tests/support/*.supp says what follows from that).
# UndefinedBehaviorSanitizer needs type information that its headers lack: headscope_layer() adds it to the layers that
# are free of Torch.
if(HEADSCOPE_ASAN OR HEADSCOPE_TSAN)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG") # lines in reports, in half the time of -O2 -g
  add_compile_options($<IF:$<BOOL:${HEADSCOPE_TSAN}>,-fsanitize=thread,-fsanitize=address> -fno-omit-frame-pointer)
  add_link_options($<IF:$<BOOL:${HEADSCOPE_TSAN}>,-fsanitize=thread,-fsanitize=address$<COMMA>undefined>)
endif()
