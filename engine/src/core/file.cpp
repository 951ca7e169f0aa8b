#include "core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <system_error>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

std::string describe_errno(int code) {
  return std::error_code(code, std::generic_category()).message();
}

namespace {

error file_error(std::string_view doing, std::string_view name, int code) {
  const errc kind = code == ENOSPC || code == EDQUOT || code == EIO ? errc::unavailable : errc::invalid_argument;
  return fail(kind, "{} the file {}: {}", doing, name, describe_errno(code));
}

/// Removes the file unless it was renamed.
class temporary_file {
public:
  explicit temporary_file(std::string path) : path_(std::move(path)) {}
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

private:
  std::string path_;
};

}  // namespace

result<opened_file> adopt_file(unique_fd fd, std::string_view name) {
  struct ::stat status {};
  if (::fstat(fd.get(), &status) != 0) return file_error("cannot examine", name, errno);
  if (!S_ISREG(status.st_mode)) return fail(errc::invalid_argument, "{} is not a regular file", name);
  return opened_file{std::move(fd), static_cast<std::size_t>(status.st_size)};
}

result<opened_file> open_file(const std::filesystem::path& file) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer before we see that it is no regular file.
  unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return file_error("cannot open", file.string(), errno);
  return adopt_file(std::move(fd), file.string());
}

result<void> read_at(const opened_file& file, std::size_t offset, std::span<std::byte> bytes, std::string_view name) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ::ssize_t count =
        ::pread(file.fd.get(), bytes.data() + done, bytes.size() - done, static_cast<::off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("cannot read", name, errno);
    if (count == 0) return fail(errc::invalid_argument, "the file {} shrank while it was read", name);
    done += static_cast<std::size_t>(count);
  }
  return {};
}

result<std::vector<std::byte>> read_file(const std::filesystem::path& file, std::size_t bytes_max) {
  TROUPE_TRY(const opened_file opened, open_file(file));
  if (opened.size > bytes_max)
    return fail(errc::invalid_argument, "the file {} has {} bytes; at most {} are supported", file.string(),
                opened.size, bytes_max);
  std::vector<std::byte> bytes;
  try {
    bytes.resize(opened.size);
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_memory, "the host has no {} bytes for the file {}", opened.size, file.string());
  }
  TROUPE_CHECK(read_at(opened, 0, bytes, file.string()));
  return bytes;
}

result<void> write_file(const std::filesystem::path& file, std::span<const std::byte> bytes) {
  std::string name = file.string() + ".XXXXXX";
  const unique_fd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return file_error("cannot create", file.string(), errno);
  temporary_file temporary(name);
  for (std::size_t done = 0; done < bytes.size();) {
    const ::ssize_t count = ::write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("cannot write", file.string(), errno);
    done += static_cast<std::size_t>(count);
  }
  // mkostemp gives 0600; a result is as readable as any new file of this user.
  if (::fchmod(fd.get(), 0644) != 0) return file_error("cannot share", file.string(), errno);
  if (::rename(name.c_str(), file.c_str()) != 0) return file_error("cannot replace", file.string(), errno);
  temporary.keep();
  return {};
}

}  // namespace troupe
