#include "kernels/constant.hpp"

#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> constant_reference(reference_context& context) {
  TROUPE_TRY(context.output(0), read_constant(context.step()));
  return {};
}

}  // namespace troupe
