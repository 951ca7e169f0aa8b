#include "log_disk.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

namespace files = std::filesystem;

class descriptor {
public:
  explicit descriptor(int opened = -1) : value_(opened) {}
  descriptor(descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const noexcept { return value_; }
  explicit operator bool() const noexcept { return value_ >= 0; }

private:
  int value_;
};

error disk_error(std::string_view what, const files::path& file, int code) {
  return fail(errc::unavailable, "the log {} cannot be {}: {}", file.string(), what,
              std::error_code(code, std::generic_category()).message());
}

class real_file final : public log_file {
public:
  real_file(descriptor opened, files::path name) : file_(std::move(opened)), name_(std::move(name)) {}

  result<void> append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return disk_error("written", name_, written < 0 ? errno : ENOSPC);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  result<void> sync() override {
    if (::fdatasync(file_.get()) != 0) return disk_error("synchronised", name_, errno);
    return {};
  }

private:
  descriptor file_;
  files::path name_;
};

class real_disk final : public log_disk {
public:
  real_disk(files::path directory, descriptor lock) : directory_(std::move(directory)), lock_(std::move(lock)) {}

  result<std::vector<std::byte>> read(std::size_t bytes_max) override {
    const descriptor file(::open(name().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file && errno == ENOENT) return std::vector<std::byte>();
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0) return disk_error("read", name(), errno);
    if (!S_ISREG(about.st_mode) || static_cast<std::uint64_t>(about.st_size) > bytes_max)
      return fail(errc::invalid_argument, "the log {} is not a regular file of at most {} bytes; move it away",
                  name().string(), bytes_max);
    std::vector<std::byte> held(static_cast<std::size_t>(about.st_size));
    for (std::size_t done = 0; done < held.size();) {
      const ssize_t count = ::read(file.get(), held.data() + done, held.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return disk_error("read", name(), errno);
      if (count == 0) held.resize(done);
      done += static_cast<std::size_t>(count);
    }
    return held;
  }

  result<std::unique_ptr<log_file>> replace(std::span<const std::byte> contents) override {
    const files::path fresh = directory_ / "streams.log.new";
    // Never into a file that was there: others may be able to read it.
    if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return disk_error("written", fresh, errno);
    descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return disk_error("written", fresh, errno);
    auto made = std::make_unique<real_file>(std::move(file), name());
    TROUPE_CHECK(made->append(contents));
    TROUPE_CHECK(made->sync());
    if (::rename(fresh.c_str(), name().c_str()) != 0) return disk_error("replaced", name(), errno);
    // The name itself has to outlive a loss of power as well.
    const descriptor folder(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) return disk_error("synchronised", directory_, errno);
    return std::unique_ptr<log_file>(std::move(made));
  }

private:
  files::path name() const { return directory_ / "streams.log"; }

  files::path directory_;
  descriptor lock_;
};

}  // namespace

result<std::unique_ptr<log_disk>> open_log_folder(const files::path& directory) {
  std::error_code problem;
  files::create_directories(directory, problem);
  if (problem)
    return fail(errc::unavailable, "the folder {} of the log cannot be made: {}", directory.string(),
                problem.message());
  const files::path lock_name = directory / "lock";
  descriptor lock(::open(lock_name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return disk_error("locked", lock_name, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(errc::unavailable, "another process keeps its log in {}; give each server a folder of its own",
                directory.string());
  return std::unique_ptr<log_disk>(std::make_unique<real_disk>(directory, std::move(lock)));
}

}  // namespace troupe
