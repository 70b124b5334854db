# What `cmake --install` puts where, and the CMake package by which another project links headscope:
#   find_package(headscope REQUIRED); target_link_libraries(mine PRIVATE headscope::lib headscope::hooks)
option(HEADSCOPE_BUNDLE_LIBTORCH "Install LibTorch's libraries beside headscope's" ON)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME headscope) # what a C++ project links; components of their own: program, libtorch
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/headscope)
set(private_dir ${CMAKE_INSTALL_LIBDIR}/headscope)

set(exported)
foreach(name IN ITEMS base lib trace tasks results hooks analyses render)
  if(TARGET headscope_${name})
    list(APPEND exported headscope_${name})
  endif()
endforeach()
install(TARGETS ${exported} EXPORT headscope ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT headscope NAMESPACE headscope:: FILE headscopeTargets.cmake DESTINATION ${package_dir})
install(DIRECTORY lib hooks analyses DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/headscope FILES_MATCHING PATTERN "*.h")
install(DIRECTORY cli/render DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/headscope/cli FILES_MATCHING PATTERN "*.h")

configure_package_config_file(cmake/headscopeConfig.cmake.in headscopeConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(headscopeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/headscopeConfig.cmake ${PROJECT_BINARY_DIR}/headscopeConfigVersion.cmake
              cmake/FindLibTorch.cmake cmake/HeadscopeDependencies.cmake cmake/HeadscopeStatic.cmake
        DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

if(TARGET headscope)
  install(TARGETS headscope RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  # What fetches the default model, named by the program where it is missing.
  install(PROGRAMS cmake/setup/model cmake/setup/packages DESTINATION lib/headscope/setup COMPONENT program)
  install(FILES cmake/setup/common.sh DESTINATION lib/headscope/setup COMPONENT program)
  # Manual pages and completion are what the program says of itself.
  set(manual "${PROJECT_BINARY_DIR}/manual")
  add_custom_command(OUTPUT "${manual}/stamp" DEPENDS headscope
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:headscope> -DFOLDER=${manual} -P ${PROJECT_SOURCE_DIR}/cmake/setup/manual.cmake
    COMMENT "Manual pages and shell completion" VERBATIM)
  add_custom_target(headscope_manual DEPENDS "${manual}/stamp")
  install(DIRECTORY "${manual}/man1" DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT program OPTIONAL)
  install(FILES "${manual}/bash/headscope" DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT program OPTIONAL)
  install(FILES "${manual}/zsh/_headscope" DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT program OPTIONAL)
  install(FILES "${manual}/fish/headscope.fish" DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program OPTIONAL)
endif()
get_filename_component(libtorch_dir "${LibTorch_CPU_LIBRARY}" DIRECTORY)
if(HEADSCOPE_BUNDLE_LIBTORCH)
  # The download cache belongs to one user and may be emptied; an installed program must not need it.
  file(GLOB libtorch_libraries "${libtorch_dir}/libtorch_cpu.so" "${libtorch_dir}/libc10.so" "${libtorch_dir}/libc10_cuda.so"
                               "${libtorch_dir}/libgomp*.so*" "${libtorch_dir}/libcudart.so.*" "${libtorch_dir}/libcupti.so.*")
  install(PROGRAMS ${libtorch_libraries} DESTINATION ${private_dir} COMPONENT libtorch)
endif()

# Everything that is installed, without tests and notebooks.
add_custom_target(headscope_installed)
add_dependencies(headscope_installed ${exported})
foreach(name IN ITEMS headscope headscope_cuda headscope_manual)
  if(TARGET ${name})
    add_dependencies(headscope_installed ${name})
  endif()
endforeach()
