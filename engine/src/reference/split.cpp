#include "kernels/split.hpp"

#include "reference/rows.hpp"

namespace troupe {

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
