// `abilities.json` in the state directory: what devices reached when they were measured.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "troupe/engine/ability.hpp"

namespace troupe {

/// What the file says of this device and driver, measured by this version of Troupe. A file that cannot be read or
/// makes no sense says nothing: it can be measured again.
std::optional<node_ability> find_ability(const std::filesystem::path& file, const device_info& of);

/// Adds it, in the place of an older one for the same device. The file is replaced whole.
result<void> keep_ability(const std::filesystem::path& file, const node_ability& measured);

/// While it lives, no other process holds the lock of the same name; taken after `patience` even if one does.
class file_lock {
public:
  file_lock(const std::filesystem::path& file, std::chrono::milliseconds patience);
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock();

private:
  int descriptor_ = -1;
};

}  // namespace troupe
