#include "reference/rows.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

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

}  // namespace troupe
