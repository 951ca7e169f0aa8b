#include "import/external_data.hpp"

#include <fcntl.h>

#include <cerrno>
#include <vector>

#include "core/file.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Opens `location` below `folder` one component at a time, so that neither ".." nor a link leads out of it.
result<opened_file> open_below(const std::filesystem::path& folder, const std::string& location) {
  const auto refuse = [&](std::string_view why) {
    return fail(errc::invalid_argument, "the external data \"{}\" {}; it must be a file below the model's folder",
                location, why);
  };
  if (location.empty() || location.front() == '/' || location.find('\0') != std::string::npos ||
      location.size() > limits::name_length_max)
    return refuse("has no relative path");
  // The folder is the caller's word and may be a link.
  unique_fd at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) return fail(errc::invalid_argument, "cannot open the folder {}: {}", folder.string(), describe_errno(errno));
  for (std::size_t start = 0;;) {
    const std::size_t end = std::min(location.find('/', start), location.size());
    const std::string part = location.substr(start, end - start);
    const bool last = end == location.size();
    if (part == "..") return refuse("leads out of the folder");
    if (part.empty() || (part == "." && last)) return refuse("has an empty part");
    if (part != ".") {
      const int kind = last ? O_NONBLOCK : O_DIRECTORY;
      unique_fd next(::openat(at.get(), part.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | kind));
      if (!next && (errno == ELOOP || errno == ENOTDIR)) return refuse("leads through a link or a file");
      if (!next)
        return fail(errc::invalid_argument, "cannot open the external data \"{}\": {}", location,
                    describe_errno(errno));
      at = std::move(next);
    }
    if (last) return adopt_file(std::move(at), location);
    start = end + 1;
  }
}

}  // namespace

result<tensor> external_data::read(const region& where, dtype type, const shape& dims) {
  if (folder_.empty())
    return fail(errc::invalid_argument, "the weights lie in the file \"{}\", but the model was given without a folder",
                where.location);
  TROUPE_TRY(const opened_file file, open_below(folder_, where.location));
  const std::size_t wanted = static_cast<std::size_t>(dims.elements()) * size_of(type);
  const auto describe = [&] { return fmt::format("{} of {} bytes", where.location, file.size); };
  if (where.offset < 0 || static_cast<std::size_t>(where.offset) > file.size)
    return fail(errc::invalid_argument, "the offset {} lies outside {}", where.offset, describe());
  const auto offset = static_cast<std::size_t>(where.offset);
  const std::size_t length = where.length < 0 ? file.size - offset : static_cast<std::size_t>(where.length);
  if (length > file.size - offset)
    return fail(errc::invalid_argument, "{} bytes at {} lie outside {}", length, offset, describe());
  if (length != wanted && (where.length >= 0 || length < wanted))
    return fail(errc::invalid_argument, "{} bytes are given for {}{} of {} bytes", length, to_string(type),
                dims.to_string(), wanted);

  if (file_sizes_.try_emplace(where.location, file.size).second) bytes_of_files_ += file.size;
  const auto known = read_.find({where.location, offset, wanted});
  if (known != read_.end()) return tensor::from_shared(type, dims, known->second.storage(), wanted);
  if (bytes_read_ + wanted > 2 * bytes_of_files_)
    return fail(errc::invalid_argument, "tensors overlap in the external data: more than {} bytes of {} are needed",
                bytes_read_ + wanted, bytes_of_files_);
  TROUPE_TRY(tensor data, tensor::make_uninitialized(type, dims));
  TROUPE_CHECK(read_at(file, offset, data.mutable_bytes(), where.location));
  bytes_read_ += wanted;
  read_.emplace(std::tuple(where.location, offset, wanted), data);
  return data;
}

}  // namespace troupe
