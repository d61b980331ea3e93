# thor_library(NAME [PURE] DIRS dir... LINKS target...)  makes thor::NAME of all sources directly in DIRS.
# PURE marks what tests/arch holds to the rules of pure code.
# thor_program(NAME DIR dir LINKS target...)             makes program NAME of coordinator/daemon/DIR; target
#                                                        `programs` is all of them.
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

add_library(thor_options INTERFACE)
target_include_directories(thor_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(thor_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
target_compile_definitions(thor_options INTERFACE THOR_VERSION="${PROJECT_VERSION}")

function(thor_library name)
  cmake_parse_arguments(arg "PURE" "" "DIRS;LINKS" ${ARGN})
  set(sources "")
  foreach(dir IN LISTS arg_DIRS)
    file(GLOB found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${dir}/*.cpp")
    list(APPEND sources ${found})
  endforeach()
  if(sources)
    add_library(thor_${name} STATIC ${sources})
    target_link_libraries(thor_${name} PUBLIC thor_options ${arg_LINKS})
  else()
    add_library(thor_${name} INTERFACE)
    target_link_libraries(thor_${name} INTERFACE thor_options ${arg_LINKS})
  endif()
  add_library(thor::${name} ALIAS thor_${name})
endfunction()

add_custom_target(programs)

function(thor_program name)
  cmake_parse_arguments(arg "" "DIR" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/coordinator/daemon/${arg_DIR}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE thor_options ${arg_LINKS} CLI11::CLI11)
  add_dependencies(programs ${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
