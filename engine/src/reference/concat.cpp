#include "kernels/split.hpp"
#include "reference/walk.hpp"

namespace troupe {
namespace {

/// Copies between all of `part` and the region of `whole` that starts at `offset` along `axis`, one row (everything
/// within the axis) at a time; `copy` is given matching positions and the bytes of a row of the part.
template <class Copy>
void for_each_row(const tensor& whole, const tensor& part, std::size_t axis, std::int64_t offset, Copy copy) {
  const shape& all = whole.dims();
  const shape& some = part.dims();
  if (some.elements() == 0) return;
  const std::size_t inner = static_cast<std::size_t>(all.elements(axis + 1, all.rank())) * size_of(whole.type());
  const auto rows = static_cast<std::size_t>(all.elements(0, axis));
  const std::size_t step = static_cast<std::size_t>(all[axis]) * inner;
  const std::size_t bytes = static_cast<std::size_t>(some[axis]) * inner;
  for (std::size_t row = 0; row < rows; ++row)
    copy(row * step + static_cast<std::size_t>(offset) * inner, row * bytes, bytes);
}

}  // namespace

result<void> concat_reference(reference_context& context) {
  tensor& whole = context.output(0);
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), whole.dims().rank()));
  const auto target = whole.mutable_bytes();
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const tensor& part = context.input(i);
    for_each_row(whole, part, axis, offset, [&](std::size_t to, std::size_t from, std::size_t bytes) {
      std::memcpy(target.data() + to, part.bytes().data() + from, bytes);
    });
    offset += part.dims()[axis];
  }
  return {};
}

result<void> split_reference(reference_context& context) {
  const tensor& whole = context.input(0);
  TROUPE_TRY(const split_plan plan, read_split(node_view(context)));
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < plan.extents.size(); ++i) {
    if (context.wants_output(i)) {
      const auto target = context.output(i).mutable_bytes();
      for_each_row(whole, context.output(i), plan.axis, offset,
                   [&](std::size_t from, std::size_t to, std::size_t bytes) {
                     std::memcpy(target.data() + to, whole.bytes().data() + from, bytes);
                   });
    }
    offset += plan.extents[i];
  }
  return {};
}

}  // namespace troupe
