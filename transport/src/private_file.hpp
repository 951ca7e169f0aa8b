// Small files of the state directory: read with a limit, replaced as a whole, readable by their owner alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// Makes the directory (mode 0700) and those above it if they are not there.
result<void> make_private_directory(const std::filesystem::path& directory);

/// What a file holds; nothing when there is none. `invalid_argument` when it has more than `bytes_max` bytes or is no
/// regular file. `owner_only`: also when others than its owner may read or write it.
result<std::optional<std::string>> read_private_file(const std::filesystem::path& file, std::size_t bytes_max,
                                                     bool owner_only);

/// What becomes of a file that is there already.
enum class if_present { replace, keep };

/// Writes the file (mode 0600) so that it is there whole or not at all, whatever else happens. True when it was
/// written, false when it was there and is kept.
result<bool> write_private_file(const std::filesystem::path& file, std::string_view contents, if_present existing);

}  // namespace troupe::wire
