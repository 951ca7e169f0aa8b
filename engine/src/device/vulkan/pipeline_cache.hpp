// Compiled pipelines kept in a file between processes. The driver checks its own header only loosely, and some have
// crashed on damaged data: ours is verified before the driver sees a byte.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "device/vulkan/gpu.hpp"

namespace troupe::vulkan {

/// Whose data a cache file holds: data of another device or driver is foreign.
struct cache_identity {
  std::uint32_t vendor_id = 0;
  std::uint32_t device_id = 0;
  std::uint32_t driver_version = 0;
  std::array<std::uint8_t, VK_UUID_SIZE> uuid{};
  friend bool operator==(const cache_identity&, const cache_identity&) = default;
};

/// Bytes of the largest cache file that is believed.
inline constexpr std::size_t cache_bytes_max = std::size_t{256} << 20;

/// The file for `data`: magic, identity, size and checksum, then the data.
std::vector<std::byte> encode_cache(const cache_identity& identity, std::span<const std::byte> data);
/// The data of an intact file of this identity; nothing for any other.
std::optional<std::vector<std::byte>> decode_cache(const cache_identity& identity, std::span<const std::byte> file);

/// A VkPipelineCache with its file. Every failure but a lost device is survivable: pipelines are then compiled anew.
/// Failures to write the file are reported through the device's messages.
class pipeline_cache {
public:
  /// `directory` may be empty: nothing is kept. It is made if it does not exist.
  static result<std::unique_ptr<pipeline_cache>> open(gpu& owner, const std::string& directory);

  VkPipelineCache handle() const noexcept { return handle_.get(); }
  /// Writes what the driver has now, through a temporary file: a reader sees the old file or the new one.
  void save(gpu& owner);

private:
  std::string path_;
  unique_pipeline_cache handle_;
};

}  // namespace troupe::vulkan
