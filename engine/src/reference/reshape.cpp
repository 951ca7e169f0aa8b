#include <algorithm>

#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> reshape_reference(reference_context& context) {
  TROUPE_TRY(context.output(0), context.input(0).reshaped(context.output(0).dims()));
  return {};
}

result<void> dropout_reference(reference_context& context) {
  if (context.wants_output(1)) {
    const auto mask = context.output(1).as_mutable<bool>();
    std::fill(mask.begin(), mask.end(), true);
  }
  return reshape_reference(context);
}

}  // namespace troupe
