#include "troupe/engine/operators.hpp"

namespace troupe {

operator_table builtin_operators() {
  operator_table table;
  return table;
}

}  // namespace troupe
