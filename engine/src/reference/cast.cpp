#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> cast_reference(reference_context& context) {
  TROUPE_TRY(context.output(0), convert(context.input(0), context.output(0).type()));
  return {};
}

}  // namespace troupe
