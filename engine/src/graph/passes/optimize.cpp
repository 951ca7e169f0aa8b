#include "troupe/engine/passes.hpp"

namespace troupe {

result<void> optimize(graph& model, const operator_table& operators) {
  TROUPE_CHECK(fold_constants(model, operators));
  drop_no_ops(model);  // before the next pass, which looks for neighbours
  TROUPE_CHECK(fold_batch_normalization(model));
  remove_dead_code(model);
  return validate(model).while_doing("optimising the graph");
}

}  // namespace troupe
