# troupe_embed_kernels(RESULT INCLUDE_DIR FILES ...): compiles each GLSL file twice, for activations stored as binary16 and
# as binary32, and sets RESULT to generated C++ sources that hold the SPIR-V words and the table of all kernels. A change of
# an included file recompiles its users. A .spvasm file is assembled instead, for binary16 only; the build machine's
# compiler may be too old for the language of its source, scripts/cooperative_kernels.py tells.
function(troupe_embed_kernels result include_dir)
  set(template_dir ${CMAKE_CURRENT_SOURCE_DIR}/src)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/kernels)
  set(sources)
  set(kernel_declarations "")
  set(kernel_names "")
  set(kernel_entries "")
  list(SORT ARGN COMPARE FILE_BASENAME)  # the table is searched by name
  list(LENGTH ARGN kernel_count)
  foreach(file IN LISTS ARGN)
    get_filename_component(kernel ${file} NAME_WE)
    if(NOT kernel MATCHES "^[a-z][a-z0-9_]*$")
      message(FATAL_ERROR "The kernel ${file} needs a name of lower-case letters, digits and underscores")
    endif()
    set(words)
    set(variants f16 f32)
    if(file MATCHES "\\.spvasm$")
      set(variants)
      set(inc ${out}/${kernel}.f16.inc)
      add_custom_command(OUTPUT ${inc}
        COMMAND ${TROUPE_SPIRV_AS} --target-env spv1.5 -o ${inc}.spv ${file}
        COMMAND ${CMAKE_COMMAND} -DIN=${inc}.spv -DOUT=${inc} -P ${PROJECT_SOURCE_DIR}/cmake/troupe_spirv_words.cmake
        DEPENDS ${file} ${PROJECT_SOURCE_DIR}/cmake/troupe_spirv_words.cmake VERBATIM
        COMMENT "Assembling kernel ${kernel}")
      list(APPEND words ${inc})
    endif()
    foreach(variant IN LISTS variants)
      string(COMPARE EQUAL ${variant} f16 is_f16)
      set(inc ${out}/${kernel}.${variant}.inc)
      add_custom_command(OUTPUT ${inc}
        COMMAND ${TROUPE_GLSLC} --target-env=vulkan1.2 -O -Werror -mfmt=c -fshader-stage=compute
          -DTROUPE_STORAGE_F16=${is_f16} -I${include_dir} -MD -MF ${inc}.d -MT ${inc} -o ${inc} ${file}
        DEPENDS ${file} DEPFILE ${inc}.d VERBATIM
        COMMENT "Compiling kernel ${kernel} (${variant})")
      list(APPEND words ${inc})
    endforeach()
    string(APPEND kernel_declarations
      "extern const std::span<const std::uint32_t> kernel_${kernel}_f16, kernel_${kernel}_f32;\n")
    set(f32_words "constexpr std::span<const std::uint32_t> f32_words;  // assembled for binary16 alone")
    if(variants)
      set(f32_words "constexpr std::uint32_t f32_words[] =\n#include \"${kernel}.f32.inc\"\n    ;")
    endif()
    configure_file(${template_dir}/kernel.cpp.in ${out}/${kernel}.cpp @ONLY)
    set_source_files_properties(${out}/${kernel}.cpp PROPERTIES OBJECT_DEPENDS "${words}")
    list(APPEND sources ${out}/${kernel}.cpp)
    string(APPEND kernel_names "\n      \"${kernel}\",")
    string(APPEND kernel_entries "\n      kernel{&kernel_${kernel}_f16, &kernel_${kernel}_f32},")
  endforeach()
  configure_file(${template_dir}/kernel_table.cpp.in ${out}/kernel_table.cpp @ONLY)
  set(${result} ${sources} ${out}/kernel_table.cpp PARENT_SCOPE)
endfunction()
