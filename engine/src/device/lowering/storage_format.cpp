#include "device/lowering/storage_format.hpp"

#include <cstring>
#include <limits>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

result<void> copy_bytes(const tensor& data, std::span<std::byte> target) {
  if (data.byte_size() != target.size())
    return fail(errc::internal, "{} bytes of device memory are set aside for a tensor {}", target.size(),
                data.describe());
  if (!target.empty()) std::memcpy(target.data(), data.bytes().data(), target.size());
  return {};
}

}  // namespace

result<void> write_storage(const tensor& data, storage_kind kind, dtype storage, std::span<std::byte> target,
                           std::string_view name) {
  if (kind == storage_kind::bytes) return copy_bytes(data, target);
  if (is_float(data.type())) {
    TROUPE_TRY(const tensor stored, convert_to_storage(data, storage));
    return copy_bytes(stored, target);
  }
  TROUPE_TRY(const tensor wide, convert(data, dtype::i64));
  for (const std::int64_t index : wide.as<std::int64_t>())
    if (index < std::numeric_limits<std::int32_t>::min() || index > std::numeric_limits<std::int32_t>::max())
      return fail(errc::invalid_argument, "\"{}\" holds the index {}, which does not fit 32 bits", name, index);
  TROUPE_TRY(const tensor stored, convert(wide, dtype::i32));
  return copy_bytes(stored, target);
}

result<tensor> read_storage(std::span<const std::byte> source, storage_kind kind, dtype storage, dtype type,
                            const shape& dims) {
  TROUPE_TRY(const tensor stored, tensor::from_bytes(element_type(kind, storage), dims, source));
  return type == dtype::f16 ? convert_to_storage(stored, type) : convert(stored, type);
}

}  // namespace troupe
