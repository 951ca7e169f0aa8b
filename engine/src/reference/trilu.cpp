#include "kernels/trilu.hpp"

#include <algorithm>

namespace troupe {

result<void> trilu_reference(reference_context& context) {
  TROUPE_TRY(const triangle kept, read_trilu(node_view(context)));
  context.output(0) = context.input(0);
  const shape& dims = context.output(0).dims();
  const std::int64_t rows = dims[dims.rank() - 2], columns = dims[dims.rank() - 1];
  const std::size_t size = size_of(context.output(0).type());
  const auto bytes = context.output(0).mutable_bytes();
  for (std::int64_t i = 0; i < dims.elements(); ++i)
    if (!kept.keeps(i / columns % rows, i % columns))
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * size), size, std::byte{0});
  return {};
}

}  // namespace troupe
