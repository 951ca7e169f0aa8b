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
/// States of one graph: two for each layer of the deepest language models, and room.
inline constexpr std::size_t graph_states_max = 4096;
/// Bodies inside bodies (a Loop in an If in a Loop, ...); exporters nest two or three deep.
inline constexpr std::size_t body_depth_max = 12;
/// Bodies of one node: If has two, nothing has more.
inline constexpr std::size_t node_bodies_max = 2;
/// Nodes that specialisation may put in the place of If, Loop, Scan and SequenceMap, all iterations together: a
/// recurrence of 20 nodes over 5,000 steps. More would take seconds and gigabytes to prepare.
inline constexpr std::size_t expanded_nodes_max = 100'000;
/// Entries of all sequences that exist while a graph is specialised: each operator that changes one makes a copy.
inline constexpr std::size_t sequence_entries_max = std::size_t{1} << 24;
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
/// Tokens of a vocabulary, and bytes of one of them; the largest vocabularies have a quarter million tokens.
inline constexpr std::size_t vocabulary_max = std::size_t{1} << 22;
inline constexpr std::size_t token_bytes_max = 4096;
/// Bytes of a text that becomes tokens: about two million tokens. Encoding takes some 50 times as much memory.
inline constexpr std::size_t prompt_bytes_max = std::size_t{8} << 20;
/// The same once a tokenizer has replaced characters by others.
inline constexpr std::size_t normalized_bytes_max = 4 * prompt_bytes_max;
/// Times that bytes and pieces of a text are looked at while special tokens are found in it.
inline constexpr std::size_t special_token_looks_max = std::size_t{1} << 32;
/// Stop strings of one generation, and bytes of one: each byte of text is compared with all.
inline constexpr std::size_t stop_strings_max = 64;
inline constexpr std::size_t stop_bytes_max = 1024;
/// Bytes of a tensor's name in a GGUF file, by its specification; of a key it is `name_length_max`.
inline constexpr std::size_t gguf_name_bytes_max = 64;
/// Alignment of a GGUF file's data: a page is the most that anybody asks for.
inline constexpr std::size_t gguf_alignment_max = 4096;
/// Arrays inside arrays of a GGUF file's metadata; models use one level.
inline constexpr int gguf_nesting_max = 4;
/// Elements of a list of one- or two-byte numbers in metadata: they grow in memory, and no model has a thousand.
inline constexpr std::size_t gguf_narrow_list_max = 1 << 16;
/// Files that hold one GGUF model.
inline constexpr std::size_t gguf_parts_max = 1000;
/// Layers, and elements of a row, of a language model; published ones have up to 126 and 18,432.
inline constexpr std::int64_t language_layers_max = 1024;
inline constexpr std::int64_t language_width_max = 1 << 20;
/// Positions of one sequence; published models go to a million.
inline constexpr std::int64_t language_context_max = std::int64_t{1} << 20;
/// Positions for which memory is taken when nobody says how many.
inline constexpr std::int64_t language_default_context = 4096;
/// Sequences under way at once in one program.
inline constexpr std::int64_t language_sessions_max = 1024;
/// Stages or replicas of one plan.
inline constexpr std::size_t shards_max = 256;

}  // namespace troupe::limits
