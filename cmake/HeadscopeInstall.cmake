# What `cmake --install` puts where, and the CMake package by which another project links headscope:
#   find_package(headscope REQUIRED); target_link_libraries(mine PRIVATE headscope::lib headscope::hooks)
option(HEADSCOPE_BUNDLE_LIBTORCH "Install LibTorch's libraries beside headscope's" ON)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME headscope) # LibTorch's 450 MB are a component of their own
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
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(TARGET headscope)
  install(TARGETS headscope RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
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
foreach(name IN ITEMS headscope headscope_cuda)
  if(TARGET ${name})
    add_dependencies(headscope_installed ${name})
  endif()
endforeach()
