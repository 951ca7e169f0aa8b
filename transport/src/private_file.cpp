#include "private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tcp/descriptor.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

error file_failure(std::string_view what, const std::filesystem::path& file) {
  return fail(errc::unavailable, "{} {}: {}", file.string(), what, std::strerror(errno));
}

/// A temporary file that is removed unless it took its place.
struct temporary_file {
  std::string name;
  ~temporary_file() {
    if (!name.empty()) ::unlink(name.c_str());
  }
};

result<void> write_all(const file_descriptor& to, std::string_view contents, const std::filesystem::path& file) {
  while (!contents.empty()) {
    const auto written = ::write(to.get(), contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return file_failure("cannot be written", file);
    contents.remove_prefix(static_cast<std::size_t>(written));
  }
  // Before it takes its name: a crash must not leave a name without contents.
  if (::fsync(to.get()) != 0) return file_failure("cannot be written", file);
  return {};
}

}  // namespace

result<void> make_private_directory(const std::filesystem::path& directory) {
  std::error_code problem;
  if (std::filesystem::is_directory(directory, problem)) return {};
  std::filesystem::create_directories(directory.parent_path(), problem);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return file_failure("cannot be made as state directory", directory);
  return {};
}

result<std::optional<std::string>> read_private_file(const std::filesystem::path& file, std::size_t bytes_max,
                                                     bool owner_only) {
  // Not blocking: the name could be that of a pipe.
  const file_descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened && errno == ENOENT) return std::optional<std::string>();
  struct stat about {};
  if (!opened || ::fstat(opened.get(), &about) != 0) return file_failure("cannot be read", file);
  if (!S_ISREG(about.st_mode)) return fail(errc::invalid_argument, "{} is not a regular file", file.string());
  if (owner_only && (about.st_mode & 077) != 0)
    return fail(errc::invalid_argument, "{} can be read or changed by others than its owner; set its mode to 600",
                file.string());
  std::string contents;
  for (;;) {
    char piece[4096];
    const auto count = ::read(opened.get(), piece, sizeof piece);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_failure("cannot be read", file);
    if (count == 0) return contents;
    contents.append(piece, static_cast<std::size_t>(count));
    if (contents.size() > bytes_max)
      return fail(errc::invalid_argument, "{} has more than the {} bytes that it may have", file.string(), bytes_max);
  }
}

result<bool> write_private_file(const std::filesystem::path& file, std::string_view contents, if_present existing) {
  temporary_file temporary{file.string() + ".XXXXXX"};
  const file_descriptor opened(::mkostemp(temporary.name.data(), O_CLOEXEC));  // mode 0600
  if (!opened) {
    temporary.name.clear();
    return file_failure("cannot be written", file);
  }
  TROUPE_CHECK(write_all(opened, contents, file));
  if (existing == if_present::keep) {
    // Unlike a rename, a link fails when the name is taken.
    if (::link(temporary.name.c_str(), file.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    return file_failure("cannot be written", file);
  }
  if (::rename(temporary.name.c_str(), file.c_str()) != 0) return file_failure("cannot be replaced", file);
  temporary.name.clear();
  return true;
}

}  // namespace troupe::wire
