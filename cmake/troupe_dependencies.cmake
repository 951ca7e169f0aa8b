# Everything comes from the distribution; scripts/install_dependencies.sh lists the packages.
# Global, because a project that has Troupe as a subdirectory links what the static libraries use.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Vulkan REQUIRED)
find_package(Protobuf REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(utf8proc REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CapnProto REQUIRED)
find_package(CAF REQUIRED)
find_package(ONNX REQUIRED)
if(NOT TARGET ONNX::onnx_proto)
  add_library(ONNX::onnx_proto ALIAS onnx_proto)  # its name before ONNX 1.15
endif()
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)  # used as a header alone: package libxxhash-dev
find_program(TROUPE_GLSLC glslc REQUIRED)
