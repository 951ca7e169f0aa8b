#include "reference/element_types.hpp"
#include "reference/walk.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

template <class T>
bool holds(std::string_view op, T a, T b) {
  if (op == "Equal") return a == b;
  if (op == "Greater") return a > b;
  if (op == "GreaterOrEqual") return a >= b;
  if (op == "Less") return a < b;
  return a <= b;
}

}  // namespace

result<void> compare_reference(reference_context& context) {
  // Exact in the wider type, which arithmetic has.
  dtype type = context.input(0).type();
  if (type == dtype::f16) type = dtype::f32;
  if (type == dtype::boolean) type = dtype::u8;
  TROUPE_TRY(const tensor a, convert(context.input(0), type));
  TROUPE_TRY(const tensor b, convert(context.input(1), type));
  const auto target = context.output(0).as_mutable<bool>();
  const shape& dims = context.output(0).dims();
  return with_arithmetic_type(type, [&](auto zero) -> result<void> {
    using element = decltype(zero);
    std::size_t i = 0;
    for_each_index(dims, [&](const tensor_index& index) {
      target[i++] = holds(context.step().op, a.as<element>()[broadcast_position(a.dims(), dims.rank(), index)],
                          b.as<element>()[broadcast_position(b.dims(), dims.rank(), index)]);
    });
    return {};
  });
}

result<void> where_reference(reference_context& context) {
  const auto condition = context.input(0).as<bool>();
  tensor& target = context.output(0);
  const std::size_t size = size_of(target.type());
  const std::size_t rank = target.dims().rank();
  std::byte* to = target.mutable_bytes().data();
  for_each_index(target.dims(), [&](const tensor_index& index) {
    const bool chosen = condition[broadcast_position(context.input(0).dims(), rank, index)];
    const tensor& from = context.input(chosen ? 1 : 2);
    std::memcpy(to, from.bytes().data() + broadcast_position(from.dims(), rank, index) * size, size);
    to += size;
  });
  return {};
}

}  // namespace troupe
