#include "chunk_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace troupe {
namespace {

namespace files = std::filesystem;

/// A file that was being written for so long belongs to a process that has ended.
constexpr std::chrono::hours unfinished_max{1};
constexpr std::string_view unfinished_prefix = "unfinished-";

/// Whether a file was named by us: nothing else in the folder is counted or deleted, whoever put it there.
bool is_ours(const files::path& path) {
  const auto digits = [](std::string_view text, std::size_t count) {
    return text.size() == count && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  };
  const std::string name = path.filename().string();
  const std::size_t begin = name.starts_with(unfinished_prefix) && name.size() > 62 ? name.size() - 62 : 0;
  return digits(std::string_view(name).substr(begin), 62) && digits(path.parent_path().filename().string(), 2);
}

struct descriptor {
  int value;
  explicit descriptor(int opened) : value(opened) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (value >= 0) close(value);
  }
};

/// Calls `transfer(pointer, bytes left)` until all `count` bytes are done; false when it fails or does nothing.
template <class Byte, class Transfer>
bool all_of(Byte* bytes, std::size_t count, Transfer transfer) {
  while (count > 0) {
    const ssize_t done = transfer(bytes, count);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes += done;
    count -= static_cast<std::size_t>(done);
  }
  return true;
}

std::optional<tensor> read_file(const files::path& path) {
  const descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat about {};
  if (file.value < 0 || fstat(file.value, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size < 1 ||
      about.st_size > static_cast<off_t>(chunk_bytes_max))
    return std::nullopt;
  auto data = tensor::make_uninitialized(dtype::u8, shape{about.st_size});
  if (!data) return std::nullopt;
  const auto bytes = data->mutable_bytes();
  if (!all_of(bytes.data(), bytes.size(), [&](std::byte* to, std::size_t n) { return ::read(file.value, to, n); }))
    return std::nullopt;
  return std::move(*data);
}

bool write_file(const files::path& path, std::span<const std::byte> bytes) {
  const descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return file.value >= 0 && all_of(bytes.data(), bytes.size(),
                                   [&](const std::byte* from, std::size_t n) { return ::write(file.value, from, n); });
}

}  // namespace

chunk_cache::chunk_cache(files::path root, std::uint64_t bytes_max) : root_(std::move(root)), bytes_max_(bytes_max) {}

files::path chunk_cache::path_of(const content_hash& hash) const {
  const std::string name = hash.to_hex();
  return root_ / name.substr(0, 2) / name.substr(2);
}

std::optional<tensor> chunk_cache::read(const content_hash& hash) {
  if (root_.empty()) return std::nullopt;
  const files::path path = path_of(hash);
  auto data = read_file(path);
  if (data) {
    const auto found = hash_of(data->bytes());
    if (found && *found == hash) {
      std::error_code ignored;
      files::last_write_time(path, files::file_time_type::clock::now(), ignored);
      return data;
    }
  }
  std::error_code ignored;
  files::remove(path, ignored);  // damaged, or not there
  return std::nullopt;
}

void chunk_cache::write(const content_hash& hash, std::span<const std::byte> bytes) {
  if (root_.empty() || bytes.size() > bytes_max_) return;
  if (!used_ || *used_ + bytes.size() > bytes_max_) make_room(bytes.size());
  const files::path path = path_of(hash);
  std::error_code failed;
  files::create_directories(path.parent_path(), failed);
  if (failed) return;
  // Under its name it is either whole or not there: a process can be killed at any time.
  const files::path unfinished =
      path.parent_path() / (std::string(unfinished_prefix) + std::to_string(getpid()) + path.filename().string());
  if (write_file(unfinished, bytes)) files::rename(unfinished, path, failed);
  if (failed || !files::exists(path, failed))
    files::remove(unfinished, failed);
  else
    *used_ += bytes.size();
}

void chunk_cache::make_room(std::uint64_t wanted) {
  struct kept_file {
    files::file_time_type used;
    std::uint64_t bytes;
    files::path path;
  };
  std::vector<kept_file> kept;
  used_ = 0;
  std::error_code failed;
  const auto now = files::file_time_type::clock::now();
  for (files::recursive_directory_iterator each(root_, failed), end; !failed && each != end; each.increment(failed)) {
    std::error_code gone;
    if (!each->is_regular_file(gone) || !is_ours(each->path()) || kept.size() >= files_max) continue;
    kept_file found{each->last_write_time(gone), each->file_size(gone), each->path()};
    if (gone) continue;
    if (found.path.filename().string().starts_with(unfinished_prefix) && now - found.used > unfinished_max) {
      files::remove(found.path, gone);
      continue;
    }
    *used_ += found.bytes;
    kept.push_back(std::move(found));
  }
  // A tenth more than is needed, so that the folder is not read again for the next chunk.
  const std::uint64_t goal = bytes_max_ - std::min(bytes_max_, wanted + bytes_max_ / 10);
  if (*used_ + wanted <= bytes_max_) return;
  std::sort(kept.begin(), kept.end(), [](const kept_file& a, const kept_file& b) { return a.used < b.used; });
  for (const kept_file& oldest : kept) {
    if (*used_ <= goal) break;
    if (files::remove(oldest.path, failed)) *used_ -= oldest.bytes;
  }
}

}  // namespace troupe
