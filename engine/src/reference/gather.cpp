#include "reference/walk.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> gather_reference(reference_context& context) {
  const tensor& data = context.input(0);
  const shape& chosen = context.input(1).dims();
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), data.dims().rank()));
  TROUPE_TRY(auto indices, context.input_ints(1));
  const std::int64_t extent = data.dims()[axis];
  for (std::int64_t& index : indices) {
    if (index < -extent || index >= extent)
      return fail(errc::invalid_argument, "index {} of {} is outside [-{}, {})", index, context.step().describe(),
                  extent, extent);
    if (index < 0) index += extent;
  }
  gather_elements(data, context.output(0), [&](const tensor_index& index) {
    tensor_index within{};  // of the indices
    for (std::size_t i = 0; i < chosen.rank(); ++i) within[i] = index[axis + i];
    tensor_index from{};
    for (std::size_t i = 0; i < axis; ++i) from[i] = index[i];
    for (std::size_t i = axis + 1; i < data.dims().rank(); ++i) from[i] = index[i + chosen.rank() - 1];
    from[axis] = indices[position(chosen, within)];
    return position(data.dims(), from);
  });
  return {};
}

}  // namespace troupe
