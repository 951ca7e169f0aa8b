#include "kernels/select.hpp"

#include <algorithm>
#include <numeric>

#include "reference/element_types.hpp"
#include "reference/walk.hpp"

namespace troupe {
namespace {

/// Output 0 is made of the slices `chosen` of the operand along the axis, or of single elements.
void take(reference_context& context, std::optional<std::size_t> axis, const std::vector<std::int64_t>& chosen) {
  const tensor& data = context.input(0);
  gather_elements(data, context.output(0), [&](const tensor_index& index) {
    if (!axis) return static_cast<std::size_t>(chosen[static_cast<std::size_t>(index[0])]);
    tensor_index from = index;
    from[*axis] = chosen[static_cast<std::size_t>(index[*axis])];
    return position(data.dims(), from);
  });
}

void write_list(reference_context& context, std::size_t output, const std::vector<std::int64_t>& values) {
  if (context.wants_output(output))
    std::copy(values.begin(), values.end(), context.output(output).as_mutable<std::int64_t>().begin());
}

/// `order` sorted, with equal slices in the order in which they come; `compare(a, b)` is negative, 0 or positive.
template <class Compare>
distinct_slices group(std::vector<std::int64_t> order, Compare compare, bool sorted) {
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return compare(a, b) < 0; });
  distinct_slices found;
  found.kinds.resize(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0) {
      found.first.push_back(order[i]);
      found.counts.push_back(0);
    }
    ++found.counts.back();
    found.kinds[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(found.first.size()) - 1;
  }
  if (sorted) return found;
  std::vector<std::int64_t> by_appearance(found.first.size());
  std::iota(by_appearance.begin(), by_appearance.end(), std::int64_t{0});
  const auto at = [](const std::vector<std::int64_t>& list, std::int64_t i) {
    return list[static_cast<std::size_t>(i)];
  };
  std::sort(by_appearance.begin(), by_appearance.end(),
            [&](std::int64_t a, std::int64_t b) { return at(found.first, a) < at(found.first, b); });
  distinct_slices made;
  std::vector<std::int64_t> place(by_appearance.size());
  for (std::size_t i = 0; i < by_appearance.size(); ++i) {
    made.first.push_back(at(found.first, by_appearance[i]));
    made.counts.push_back(at(found.counts, by_appearance[i]));
    place[static_cast<std::size_t>(by_appearance[i])] = static_cast<std::int64_t>(i);
  }
  for (const std::int64_t kind : found.kinds) made.kinds.push_back(at(place, kind));
  return made;
}

}  // namespace

result<distinct_slices> find_distinct(const node& step, const tensor& data) {
  TROUPE_TRY(const auto axis, selection_axis(step, data.dims().rank()));
  const shape& dims = data.dims();
  const std::int64_t inner = axis ? dims.elements(*axis + 1, dims.rank()) : 1;
  const std::int64_t count = axis ? dims[*axis] : dims.elements();
  const std::int64_t outer = axis ? dims.elements(0, *axis) : 1;
  const bool sorted = step.int_or("sorted", 1) != 0;
  dtype type = data.type() == dtype::f16 ? dtype::f32 : data.type();
  if (type == dtype::boolean) type = dtype::u8;
  TROUPE_TRY(const tensor wide, convert(data, type));
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  distinct_slices found;
  TROUPE_CHECK(with_arithmetic_type(type, [&](auto zero) -> result<void> {
    const auto values = wide.as<decltype(zero)>();
    const auto compare = [&](std::int64_t a, std::int64_t b) {
      for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t i = 0; i < inner; ++i) {
          const auto x = values[static_cast<std::size_t>((o * count + a) * inner + i)];
          const auto y = values[static_cast<std::size_t>((o * count + b) * inner + i)];
          if (x < y || (x == x && y != y)) return -1;  // every NaN comes last, and equals every other
          if (y < x || (x != x && y == y)) return 1;
        }
      return 0;
    };
    found = group(std::move(order), compare, sorted);
    return {};
  }));
  return found;
}

result<void> compress_reference(reference_context& context) {
  const shape& given = context.input(0).dims();
  TROUPE_TRY(const auto axis, selection_axis(context.step(), given.rank()));
  take(context, axis, true_places(context.input(1), axis ? given[*axis] : given.elements()));
  return {};
}

result<void> non_zero_reference(reference_context& context) {
  TROUPE_TRY(const tensor flags, convert(context.input(0), dtype::boolean));
  const shape& dims = flags.dims();
  const auto steps = dims.strides();
  const auto places = true_places(flags, dims.elements());
  const auto target = context.output(0).as_mutable<std::int64_t>();
  for (std::size_t axis = 0; axis < dims.rank(); ++axis)
    for (std::size_t i = 0; i < places.size(); ++i)
      target[axis * places.size() + i] = places[i] / steps[axis] % dims[axis];
  return {};
}

result<void> unique_reference(reference_context& context) {
  TROUPE_TRY(const auto axis, selection_axis(context.step(), context.input(0).dims().rank()));
  TROUPE_TRY(const distinct_slices found, find_distinct(context.step(), context.input(0)));
  if (context.wants_output(0)) take(context, axis, found.first);
  write_list(context, 1, found.first);
  write_list(context, 2, found.kinds);
  write_list(context, 3, found.counts);
  return {};
}

}  // namespace troupe
