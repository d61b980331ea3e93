# Compiles coordinator/dns/roles/*.toml into thor::roles, and installs them to be read and copied.
file(GLOB files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/coordinator/dns/roles/*.toml")
list(SORT files)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
set(source "#include \"coordinator/daemon/dns/roles/role_files.hpp\"\n\nnamespace thor::dns {\n"
           "namespace {\nconstexpr built_in_file files[] = {\n")
string(CONCAT source ${source})
foreach(file IN LISTS files)
  file(READ "${file}" toml)
  get_filename_component(name "${file}" NAME)
  string(APPEND source "{\"${name}\", R\"toml(${toml})toml\"},\n")
endforeach()
string(APPEND source "};\n} // namespace\nstd::span<const built_in_file> built_in_files() { return files; }\n"
                     "} // namespace thor::dns\n")
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/coordinator/built_in_files.cpp" CONTENT "${source}")
target_sources(thor_roles PRIVATE "${PROJECT_BINARY_DIR}/coordinator/built_in_files.cpp")
install(FILES ${files} DESTINATION ${CMAKE_INSTALL_DOCDIR}/roles)
install(DIRECTORY contrib/examples/roles.d/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/roles.d FILES_MATCHING PATTERN "*.toml")
