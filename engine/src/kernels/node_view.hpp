// What shape inference, the reference and lowering all know of a node: its attributes, the shapes of its operands, and
// the contents of those that are read on the host. Each operator reads its parameters through this, in one place, from
// whichever of the three contexts it is given.
#pragma once

#include <optional>
#include <vector>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Borrows from the context it was made of, which must outlive it.
class node_view {
public:
  explicit node_view(const infer_context& context);
  explicit node_view(const reference_context& context);
  explicit node_view(const lowering_context& context);

  const node& step() const noexcept { return *step_; }
  /// False for an omitted optional operand, also past the end of the list.
  bool has(std::size_t operand) const noexcept { return operand < operands_.size() && operands_[operand].dims; }
  const shape& dims(std::size_t operand) const { return *operands_[operand].dims; }
  /// The contents, or nullptr when the operand is absent or known only at run time.
  const tensor* value(std::size_t operand) const noexcept {
    return operand < operands_.size() ? operands_[operand].value : nullptr;
  }

  /// A list of integers that is operand `operand` in late opsets and attribute `name` in early ones; nothing when
  /// neither is there. Fails for an operand that only the run computes and for anything but a list of integers.
  result<std::optional<std::vector<std::int64_t>>> ints(std::string_view name, std::size_t operand) const;
  /// The one number in `operand`, or `fallback` when it is absent.
  result<double> number_or(std::size_t operand, double fallback) const;

private:
  struct known_operand {
    const shape* dims = nullptr;
    const tensor* value = nullptr;
  };

  const node* step_;
  std::vector<known_operand> operands_;
};

}  // namespace troupe
