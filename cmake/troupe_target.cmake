# troupe_library(NAME [SOURCES ...] [PUBLIC ...] [PRIVATE ...]): a static library with this project's language level
# and warnings, its public headers in include/, its alias troupe::NAME, ready to be installed.
function(troupe_settings target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wno-missing-field-initializers  # designated initializers leave out what has a default, on purpose
    # GCC 12 to 14 see uninitialised variants and overruns of vectors, after inlining, that are not there.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  if(TROUPE_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(TROUPE_SANITIZE)
    # The sanitizers' extra code leads this warning of GCC astray inside std::regex and std::variant.
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
  endif()
  if(TROUPE_SANITIZE STREQUAL "address")
    # CAF's headers bind references to null on purpose in 0.17; the check is off for that reason alone.
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize=null -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  elseif(TROUPE_SANITIZE STREQUAL "fuzzer")
    # Clang only; programs of tests/fuzz add libFuzzer's own main.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=null,vptr,function
      -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  elseif(TROUPE_SANITIZE STREQUAL "thread")
    target_compile_options(${target} PRIVATE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=thread)
  endif()
endfunction()

function(troupe_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  add_library(troupe_${name} STATIC ${arg_SOURCES})
  add_library(troupe::${name} ALIAS troupe_${name})
  set_target_properties(troupe_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(troupe_${name}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  target_link_libraries(troupe_${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  troupe_settings(troupe_${name})
endfunction()
