// Every maximum of the engine in one place, each with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::limits {

/// Dimensions of a tensor. ONNX models use up to 6; kernels keep shapes in 128 bytes of push constants.
inline constexpr std::size_t rank_max = 8;
/// Elements of one tensor: keeps every index and byte count of ours inside a signed 64-bit integer.
inline constexpr std::int64_t elements_max = std::int64_t{1} << 40;
/// Nodes, values and attributes of one graph; the largest exported networks have a few ten thousand.
inline constexpr std::size_t graph_nodes_max = 1'000'000;
inline constexpr std::size_t graph_values_max = 4'000'000;
/// Characters of a tensor's, node's or file's name inside a model.
inline constexpr std::size_t name_length_max = 4096;
/// Bytes of one protobuf model file: the limit of protobuf itself.
inline constexpr std::size_t model_file_bytes_max = (std::size_t{1} << 31) - 1;
/// Bytes that constant folding may make of one tensor; larger ones are computed at run time.
inline constexpr std::size_t folded_bytes_max = std::size_t{64} << 20;
/// Bytes that constant folding may make in all: a small file must not become a large program.
inline constexpr std::size_t folded_bytes_total_max = std::size_t{1} << 30;
/// Specialised shapes that one program keeps ready; the least recently used goes first.
inline constexpr std::size_t program_shapes_max = 16;
/// Pixels of one decoded image: 256 megapixels.
inline constexpr std::size_t image_pixels_max = std::size_t{1} << 28;
/// Stages or replicas of one plan.
inline constexpr std::size_t shards_max = 256;

}  // namespace troupe::limits
