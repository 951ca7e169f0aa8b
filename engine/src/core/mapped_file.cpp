#include "core/mapped_file.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <limits>
#include <vector>

#include "core/file.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<shared_bytes> map_file(const std::filesystem::path& file) {
  TROUPE_TRY(const opened_file opened, open_file(file));
  const std::size_t size = opened.size;
  if (size == 0) return fail(errc::invalid_argument, "the file {} is empty", file.string());
  void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, opened.fd.get(), 0);
  if (at == MAP_FAILED)
    return fail(errc::out_of_memory, "the host cannot map the {} bytes of the file {}: {}", size, file.string(),
                describe_errno(errno));
  return shared_bytes{
      {static_cast<const std::byte*>(at), [size](const std::byte* p) { ::munmap(const_cast<std::byte*>(p), size); }},
      size};
}

result<shared_bytes> load_file(const std::filesystem::path& file) {
  TROUPE_TRY(std::vector<std::byte> bytes, read_file(file, std::numeric_limits<std::size_t>::max()));
  if (bytes.empty()) return fail(errc::invalid_argument, "the file {} is empty", file.string());
  const auto held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return shared_bytes{{held, held->data()}, held->size()};
}

}  // namespace troupe
