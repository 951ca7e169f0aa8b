// Protobuf messages from files that may be hostile: their cost in memory is known before they are parsed.
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <filesystem>
#include <span>

#include "troupe/engine/result.hpp"

namespace troupe {

/// Parses a file of at most `limits::model_file_bytes_max` bytes. A file whose message would need far more memory
/// than the file has bytes (millions of empty records, say) is refused before it is parsed.
result<void> parse_protobuf_file(const std::filesystem::path& file, google::protobuf::Message& into);

/// The same from memory.
result<void> parse_protobuf(std::span<const std::byte> bytes, google::protobuf::Message& into);

}  // namespace troupe
