#include "reference/walk.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> reverse_sequence_reference(reference_context& context) {
  const node& step = context.step();
  const tensor& data = context.input(0);
  const auto batch = static_cast<std::size_t>(step.int_or("batch_axis", 1));
  const std::size_t time = 1 - batch;
  TROUPE_TRY(const auto lengths, context.input_ints(1));
  for (const std::int64_t length : lengths)
    if (length < 0 || length > data.dims()[time])
      return fail(errc::invalid_argument, "{} reverses the first {} elements of an axis of {}", step.describe(), length,
                  data.dims()[time]);
  gather_elements(data, context.output(0), [&](const tensor_index& index) {
    tensor_index from = index;
    const std::int64_t length = lengths[static_cast<std::size_t>(index[batch])];
    if (index[time] < length) from[time] = length - 1 - index[time];
    return position(data.dims(), from);
  });
  return {};
}

}  // namespace troupe
