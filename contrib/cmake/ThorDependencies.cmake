# Third-party libraries, all from Debian 12.
set(CMAKE_THREAD_PREFER_PTHREAD TRUE)
find_package(Threads REQUIRED)
find_package(Boost 1.81...<1.82 REQUIRED CONFIG COMPONENTS headers json url)
find_package(OpenSSL 3 REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ldns REQUIRED IMPORTED_TARGET ldns)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(libsystemd REQUIRED IMPORTED_TARGET libsystemd)
find_library(SQLITECPP_LIBRARY SQLiteCpp REQUIRED)
add_library(SQLiteCpp INTERFACE)
target_link_libraries(SQLiteCpp INTERFACE ${SQLITECPP_LIBRARY})

# Asio and Beast compiled once: the two macros must be the same in every translation unit, so they live on one target.
add_library(thor_asio STATIC contrib/cmake/asio_separate.cpp)
add_library(thor::asio ALIAS thor_asio)
target_compile_definitions(thor_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                           BOOST_ASIO_NO_DEPRECATED)
target_compile_features(thor_asio PUBLIC cxx_std_23)
target_link_libraries(thor_asio PUBLIC Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
