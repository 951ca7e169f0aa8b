// Functions of bits, of booleans or of whole integers: which operator names which.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

enum class logic_function { conjunction, disjunction, difference, negation, shift };

struct logic_kind {
  std::string_view op;
  logic_function function;
  int since_version;
  bool of_booleans;
};

/// Nullptr for an operator that is not one of this family.
const logic_kind* find_logic(std::string_view op);

/// The direction of a BitShift.
result<bool> shifts_left(const node& step);

}  // namespace troupe
