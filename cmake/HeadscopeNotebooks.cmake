# The C++ notebooks: each notebooks-cpp/<name>.cpp is a program, build/notebooks/<name>, that writes a page. Built by
# default, run by the tests.
file(GLOB notebooks CONFIGURE_DEPENDS notebooks-cpp/*.cpp)
foreach(source IN LISTS notebooks)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(notebook_${name} "${source}")
  set_target_properties(notebook_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/notebooks"
    # -fPIC as in the layers, not an executable's -fPIE: one precompiled header serves both.
    POSITION_INDEPENDENT_CODE OFF
    CXX_COMPILER_LAUNCHER "${HEADSCOPE_WHOLE_PATH_LAUNCHER}")
  target_compile_options(notebook_${name} PRIVATE -fPIC)
  target_link_libraries(notebook_${name} PRIVATE headscope::cli headscope_warnings)
  headscope_torch_pch(notebook_${name})
  if(HEADSCOPE_TESTS)
    add_test(NAME notebooks/${name} COMMAND ${PROJECT_SOURCE_DIR}/notebooks-cpp/check
             $<TARGET_FILE:notebook_${name}> ${PROJECT_BINARY_DIR}/notebooks/${name}.html)
    set_tests_properties(notebooks/${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77)
  endif()
endforeach()
