#include "reference/walk.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> one_hot_reference(reference_context& context) {
  tensor& target = context.output(0);
  const shape& dims = target.dims();
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", -1), dims.rank()));
  TROUPE_TRY(const tensor indices, convert(context.input(0), dtype::i64));
  const std::int64_t depth = dims[axis];
  const std::int64_t inner = dims.elements(axis + 1, dims.rank());
  const std::size_t size = size_of(target.type());
  const std::byte* values = context.input(2).bytes().data();
  std::byte* to = target.mutable_bytes().data();
  const std::int64_t count = dims.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t wanted =
        indices.as<std::int64_t>()[static_cast<std::size_t>(i / (inner * depth) * inner + i % inner)];
    const std::int64_t place = i / inner % depth;
    // Negative indices count from the end; one outside [-depth, depth) is no place at all.
    const bool on = wanted == place || (wanted < 0 && wanted == place - depth);
    std::memcpy(to, values + (on ? size : 0), size);
    to += size;
  }
  return {};
}

}  // namespace troupe
