#include "device/vulkan/pipeline_cache.hpp"

#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

constexpr std::array<char, 8> magic{'t', 'r', 'o', 'u', 'p', 'e', 'P', '1'};

struct file_header {
  std::array<char, 8> magic;
  cache_identity identity;
  std::uint32_t reserved;
  std::uint64_t data_bytes;
  std::uint64_t checksum;
};
static_assert(sizeof(file_header) == 56 && std::is_trivially_copyable_v<file_header>);

/// FNV-1a: guards against damage, not against an attacker, who could as well replace the driver.
std::uint64_t checksum_of(std::span<const std::byte> data) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::byte byte : data) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3u;
  return hash;
}

cache_identity identity_of(const adapter& device) {
  return {device.vendor_id, device.device_id, device.driver_version, device.cache_uuid};
}

std::optional<std::vector<std::byte>> read_file(const std::string& path) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(path, failure);
  if (failure || size > cache_bytes_max) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    return std::nullopt;
  return bytes;
}

/// A name that no other process or thread uses at the same time: the address of a local tells threads apart.
std::string temporary_name(const std::string& path) {
  const auto ticks = steady_clock::now().time_since_epoch().count();
  return fmt::format("{}.{}.{}.{}", path, getpid(), ticks, fmt::ptr(&ticks));
}

bool write_file(const std::string& path, std::span<const std::byte> bytes) {
  const std::string temporary = temporary_name(path);
  std::error_code failure;
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
      std::filesystem::remove(temporary, failure);
      return false;
    }
  }
  std::filesystem::rename(temporary, path, failure);
  if (!failure) return true;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  return false;
}

}  // namespace

std::vector<std::byte> encode_cache(const cache_identity& identity, std::span<const std::byte> data) {
  const file_header header{magic, identity, 0, data.size(), checksum_of(data)};
  std::vector<std::byte> file(sizeof header + data.size());
  std::memcpy(file.data(), &header, sizeof header);
  if (!data.empty()) std::memcpy(file.data() + sizeof header, data.data(), data.size());
  return file;
}

std::optional<std::vector<std::byte>> decode_cache(const cache_identity& identity, std::span<const std::byte> file) {
  file_header header{};
  if (file.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, file.data(), sizeof header);
  const auto data = file.subspan(sizeof header);
  const bool intact = header.magic == magic && header.identity == identity && header.reserved == 0 &&
                      header.data_bytes == data.size() && header.checksum == checksum_of(data);
  if (!intact) return std::nullopt;
  return std::vector<std::byte>(data.begin(), data.end());
}

result<std::unique_ptr<pipeline_cache>> pipeline_cache::open(gpu& owner, const std::string& directory) {
  auto made = std::make_unique<pipeline_cache>();
  std::vector<std::byte> known;
  if (!directory.empty()) {
    const adapter& device = owner.properties();
    made->path_ = (std::filesystem::path(directory) /
                   fmt::format("pipelines-{:02x}-{:08x}.bin", fmt::join(device.cache_uuid, ""), device.driver_version))
                      .string();
    if (const auto file = read_file(made->path_))
      if (auto data = decode_cache(identity_of(device), *file)) known = std::move(*data);
  }
  auto info = vk_struct<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  info.initialDataSize = known.size();
  info.pInitialData = known.data();
  VkPipelineCache handle = VK_NULL_HANDLE;
  const auto created = TROUPE_VK(owner.vk(), vkCreatePipelineCache, owner.handle(), &info, nullptr, &handle);
  if (created)
    made->handle_ = unique_pipeline_cache(owner, handle);
  else if (created.error().code() == errc::device_lost)
    return created.error();
  else
    owner.message("Going on without a pipeline cache: " + created.error().to_string());
  return made;
}

void pipeline_cache::save(gpu& owner) {
  if (path_.empty() || !handle_) return;
  std::size_t size = 0;
  if (!TROUPE_VK(owner.vk(), vkGetPipelineCacheData, owner.handle(), handle_.get(), &size, nullptr)) return;
  if (size > cache_bytes_max - sizeof(file_header)) return;
  std::vector<std::byte> data(size);
  if (!TROUPE_VK(owner.vk(), vkGetPipelineCacheData, owner.handle(), handle_.get(), &size, data.data())) return;
  data.resize(size);
  std::error_code failure;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), failure);
  if (!write_file(path_, encode_cache(identity_of(owner.properties()), data)))
    owner.message(fmt::format("The pipeline cache \"{}\" cannot be written.", path_));
}

}  // namespace troupe::vulkan
