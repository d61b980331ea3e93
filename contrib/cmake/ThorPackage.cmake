# libthor as other software gets it: the public headers <thor/...>, one archive of all that stands behind them, a CMake package (Thor::thor) and thor.pc.
# The component `development` is these and nothing else.
include(CMakePackageConfigHelpers)

# Of the runtime what a client uses, and nothing of daemons.
set(client_runtime "/runtime/(atomic_file|clock|endpoint|log|loop|metrics|resolver)\\.cpp")
set(objects "$<FILTER:$<TARGET_OBJECTS:thor_runtime>,INCLUDE,${client_runtime}>")
foreach(part IN ITEMS asio model identity x509 wire agent lookup client libthor)
  list(APPEND objects "$<TARGET_OBJECTS:thor_${part}>")
endforeach()

add_library(thor STATIC ${objects})
set_target_properties(thor PROPERTIES LINKER_LANGUAGE CXX)
target_include_directories(thor INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
target_compile_features(thor INTERFACE cxx_std_20)
# Asio is compiled once, into the archive: everybody who links it has to see it in the same way.
target_compile_definitions(thor INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(thor PUBLIC Boost::headers Boost::json OpenSSL::SSL OpenSSL::Crypto spdlog::spdlog prometheus-cpp::core
                      PkgConfig::cares Threads::Threads)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Thor")
install(FILES coordinator/client/thor/completion.hpp coordinator/client/thor/member.hpp coordinator/client/thor/overlay.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/thor COMPONENT development)
install(TARGETS thor EXPORT ThorTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT ThorTargets NAMESPACE Thor:: DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(contrib/cmake/ThorConfig.cmake.in contrib/cmake/ThorConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/contrib/cmake/ThorConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/contrib/cmake/ThorConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/contrib/cmake/ThorConfigVersion.cmake"
        DESTINATION ${package_dir} COMPONENT development)
# At install time: only then is the prefix known.
install(CODE "set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
set(PROJECT_VERSION \"${PROJECT_VERSION}\")
configure_file(\"${CMAKE_CURRENT_SOURCE_DIR}/contrib/cmake/thor.pc.in\" \"${CMAKE_CURRENT_BINARY_DIR}/contrib/cmake/thor.pc\" @ONLY)"
        COMPONENT development)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/contrib/cmake/thor.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
