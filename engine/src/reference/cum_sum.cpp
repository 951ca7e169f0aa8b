#include "kernels/cum_sum.hpp"

#include "reference/element_types.hpp"

namespace troupe {
namespace {

template <class T>
void sum_lines(const running_sum& sum, const tensor& source, tensor& target) {
  const shape& dims = source.dims();
  const std::int64_t length = dims[sum.axis];
  const std::int64_t inner = dims.elements(sum.axis + 1, dims.rank());
  const std::int64_t lines = length == 0 ? 0 : dims.elements() / length;
  const auto from = source.as<T>();
  const auto to = target.as_mutable<T>();
  for (std::int64_t line = 0; line < lines; ++line) {
    T total{};
    for (std::int64_t k = 0; k < length; ++k) {
      const std::int64_t along = sum.reverse ? length - 1 - k : k;
      const auto at = static_cast<std::size_t>((line / inner * length + along) * inner + line % inner);
      T next;
      if constexpr (std::is_integral_v<T>)  // modulo 2^bits
        next = static_cast<T>(static_cast<std::uint64_t>(total) + static_cast<std::uint64_t>(from[at]));
      else
        next = total + from[at];
      to[at] = sum.exclusive ? total : next;
      total = next;
    }
  }
}

}  // namespace

result<void> cum_sum_reference(reference_context& context) {
  TROUPE_TRY(const running_sum sum, read_cum_sum(node_view(context)));
  tensor& target = context.output(0);
  const dtype type = is_float(target.type()) ? dtype::f64 : target.type();
  TROUPE_TRY(const tensor source, convert(context.input(0), type));
  TROUPE_TRY(tensor summed, tensor::make_uninitialized(type, target.dims()));
  TROUPE_CHECK(with_arithmetic_type(type, [&](auto zero) -> result<void> {
    sum_lines<decltype(zero)>(sum, source, summed);
    return {};
  }));
  TROUPE_TRY(target,
             target.type() == dtype::f16 ? convert_to_storage(summed, dtype::f16) : convert(summed, target.type()));
  return {};
}

}  // namespace troupe
