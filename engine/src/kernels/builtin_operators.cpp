#include "kernels/definitions.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

operator_table builtin_operators() {
  operator_table table;
#define TROUPE_ADD_OPERATOR(name) table.add(name##_operator());
  TROUPE_OPERATORS(TROUPE_ADD_OPERATOR)
#undef TROUPE_ADD_OPERATOR
  return table;
}

}  // namespace troupe
