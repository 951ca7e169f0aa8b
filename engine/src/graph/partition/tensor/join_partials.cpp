#include "graph/partition/tensor/axis_cut.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe {
namespace {

result<tensor> sum(std::span<const tensor> partials) {
  TROUPE_TRY(tensor total, convert(partials.front(), dtype::f32));
  const auto sums = total.as_mutable<float>();
  for (const tensor& partial : partials.subspan(1)) {
    TROUPE_TRY(const tensor wide, convert(partial, dtype::f32));
    const auto summands = wide.as<float>();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += summands[i];
  }
  return convert_to_storage(total, partials.front().type());
}

}  // namespace

result<tensor> join_partials(const value_exchange& what, std::span<const tensor> partials) {
  if (partials.empty()) return error(errc::internal, "an exchange has no partial results");
  const tensor& first = partials.front();
  for (std::size_t k = 0; k < partials.size(); ++k) {
    const tensor& each = partials[k];
    bool fits = each.type() == first.type() && each.dims().rank() == first.dims().rank();
    for (std::size_t axis = 0; fits && axis < first.dims().rank(); ++axis)
      fits = what.axis == axis ? k < what.extents.size() && each.dims()[axis] == what.extents[k]
                               : each.dims()[axis] == first.dims()[axis];
    if (what.axis && *what.axis >= first.dims().rank()) fits = false;
    if (!what.axis && !is_float(each.type())) fits = false;
    if (!fits)
      return fail(errc::invalid_argument, "slice {} gives {} where slice 0 gives {}, which do not fit together", k,
                  each.describe(), first.describe());
  }
  return what.axis ? concatenated(partials, *what.axis) : sum(partials);
}

}  // namespace troupe
