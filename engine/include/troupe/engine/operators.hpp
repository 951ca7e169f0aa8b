// The table of operators: explicit, filled in one function, owned by whoever builds it.
#pragma once

#include <map>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// The domain of Troupe's own operators; their definitions are named "troupe.<op>".
inline constexpr std::string_view own_domain = "troupe";

/// Looks operators up by name. Immutable after construction; share it between threads freely.
class operator_table {
public:
  void add(operator_definition definition) {
    table_.insert_or_assign(std::string(definition.name), std::move(definition));
  }
  /// Nullptr when the operator is unknown.
  const operator_definition* find(std::string_view name) const {
    const auto found = table_.find(name);
    return found == table_.end() ? nullptr : &found->second;
  }
  /// The definition that serves this node, or nullptr: wrong domain, unknown name, or an opset outside its range.
  const operator_definition* find(const node& step) const {
    const auto* definition = step.domain.empty() || step.domain == "ai.onnx" ? find(step.op)
                             : step.domain == own_domain                     ? find("troupe." + step.op)
                                                                             : nullptr;
    const bool served =
        definition && step.version >= definition->since_version && step.version <= definition->until_version;
    return served ? definition : nullptr;
  }
  auto begin() const { return table_.begin(); }
  auto end() const { return table_.end(); }

private:
  std::map<std::string, operator_definition, std::less<>> table_;
};

/// Every operator that Troupe has.
operator_table builtin_operators();

/// An `unsupported` error that names every node kind of `model` that `table` cannot serve, all at once.
result<void> check_operators(const graph& model, const operator_table& table);

}  // namespace troupe
