# Installs the libraries, their headers, a CMake package (troupe::troupe, troupe::engine), a pkg-config file and, when it
# is built, the program.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)

install(TARGETS troupe_shaders troupe_engine troupe_transport troupe_actors troupe EXPORT troupe
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT troupe NAMESPACE troupe:: FILE troupe-targets.cmake DESTINATION ${package_folder})
foreach(module engine transport actors)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${module}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.hpp")
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/troupe-config.cmake.in
  ${PROJECT_BINARY_DIR}/package/troupe-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/troupe-config-version.cmake
  COMPATIBILITY SameMinorVersion)
# CAF and utf8proc have no CMake packages of their own in Debian: who uses the libraries needs our way of finding them.
install(FILES
  ${PROJECT_BINARY_DIR}/package/troupe-config.cmake
  ${PROJECT_BINARY_DIR}/package/troupe-config-version.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindCAF.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Findutf8proc.cmake
  DESTINATION ${package_folder})

# Found from where the file lies, so that an installation can be moved.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/troupe.pc.in ${PROJECT_BINARY_DIR}/package/troupe.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/troupe.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET troupe_program)
  install(TARGETS troupe_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
