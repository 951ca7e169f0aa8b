// Einsum: operands are joined two at a time, by a matrix product where one does it, else by a plain sum for each
// element.
#include "kernels/einsum.hpp"

#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> einsum_reference(reference_context&);

namespace {

constexpr std::size_t labels_max = 8;
/// Rounds of one invocation; Mesa 22.3 ends an invocation's loops after 65,535 rounds.
constexpr std::int64_t rounds_max = 60000;

struct contract_parameters {
  std::uint32_t count, terms, kept, summed;
  std::uint32_t extents[labels_max], first_strides[labels_max], second_strides[labels_max];
};

using labels = std::vector<std::size_t>;

/// An operand, or what some of them have been joined to.
struct factor {
  dispatch_operand operand;
  einsum_operand axes;
};

class contraction {
public:
  contraction(lowering_context& context, const einsum_plan& plan) : context_(context), plan_(plan) {}

  result<void> lower() {
    factor joined{context_.read(0), plan_.operands[0]};
    if (plan_.operands.size() == 1) return add_sum(joined, nullptr, kept_labels(), context_.write(0));
    for (std::size_t i = 1; i < plan_.operands.size(); ++i) {
      const factor next{context_.read(i), plan_.operands[i]};
      const bool last = i + 1 == plan_.operands.size();
      const labels kept = last ? kept_labels() : still_needed(joined, next, i + 1);
      dispatch_operand target = context_.write(0);
      if (!last) {
        TROUPE_TRY(target, scratch(kept));
      }
      TROUPE_CHECK(join(joined, next, kept, target));
      joined = {{target.slot, false}, dense(kept)};
    }
    return {};
  }

private:
  std::int64_t elements(const labels& over) const {
    std::int64_t count = 1;
    for (const std::size_t label : over) count *= plan_.extents[label];
    return count;
  }

  result<dispatch_operand> scratch(const labels& over) {
    std::vector<std::int64_t> extents;
    for (const std::size_t label : over) extents.push_back(plan_.extents[label]);
    TROUPE_TRY(const shape dims, shape::make(extents));
    TROUPE_TRY(const std::uint32_t count, shader_count(context_.step(), dims));
    return dispatch_operand{context_.scratch(count), true};
  }

  labels kept_labels() const {
    labels made(plan_.kept);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = i;
    return made;
  }

  /// Labels of the two that the result or an operand from `next_operand` on has.
  labels still_needed(const factor& first, const factor& second, std::size_t next_operand) const {
    labels made;
    for (std::size_t label = 0; label < plan_.extents.size(); ++label) {
      bool needed = label < plan_.kept;
      for (std::size_t i = next_operand; i < plan_.operands.size(); ++i)
        needed = needed || plan_.operands[i].has[label];
      if (needed && (first.axes.has[label] || second.axes.has[label])) made.push_back(label);
    }
    return made;
  }

  einsum_operand dense(const labels& order) const {
    einsum_operand made{std::vector<std::int64_t>(plan_.extents.size(), 0),
                        std::vector<bool>(plan_.extents.size(), false)};
    std::int64_t stride = 1;
    for (std::size_t i = order.size(); i-- > 0;) {
      made.strides[order[i]] = stride;
      made.has[order[i]] = true;
      stride *= plan_.extents[order[i]];
    }
    return made;
  }

  /// True when the operand lies as a dense tensor with the axes `order`.
  bool lies_as(const factor& given, const labels& order) const {
    const einsum_operand wanted = dense(order);
    return std::all_of(order.begin(), order.end(), [&](std::size_t label) {
      return plan_.extents[label] == 1 || given.axes.strides[label] == wanted.strides[label];
    });
  }

  result<void> add_permuted(const factor& source, const labels& order, dispatch_operand target) {
    std::vector<std::int64_t> extents;
    strided_walk walk;
    for (const std::size_t label : order) {
      if (plan_.extents[label] == 1) continue;
      walk.first.strides[extents.size()] = source.axes.strides[label];
      extents.push_back(plan_.extents[label]);
    }
    TROUPE_TRY(walk.extents, shape::make(extents));
    walk.second.strides = walk.extents.strides();
    return add_copy(context_, source.operand, target, walk);
  }

  /// The operand with the axes `order`, copied if need be.
  result<dispatch_operand> arranged(const factor& given, const labels& order) {
    if (lies_as(given, order)) return given.operand;
    TROUPE_TRY(const dispatch_operand copy, scratch(order));
    TROUPE_CHECK(add_permuted(given, order, copy));
    return dispatch_operand{copy.slot, false};
  }

  static labels joined(const labels& a, const labels& b, const labels& c) {
    labels made = a;
    made.insert(made.end(), b.begin(), b.end());
    made.insert(made.end(), c.begin(), c.end());
    return made;
  }

  result<void> join(const factor& first, const factor& second, const labels& kept, dispatch_operand target) {
    labels batch, rows, columns, inner;
    bool is_product = true;
    for (const std::size_t label : kept) {
      const bool left = first.axes.has[label], right = second.axes.has[label];
      if (left && right) batch.push_back(label);
      if (left && !right) rows.push_back(label);
      if (!left && right) columns.push_back(label);
      is_product = is_product && (left || right);
    }
    for (std::size_t label = 0; label < plan_.extents.size(); ++label) {
      const bool left = first.axes.has[label], right = second.axes.has[label];
      if (std::find(kept.begin(), kept.end(), label) != kept.end() || (!left && !right)) continue;
      if (left && right) inner.push_back(label);
      is_product = is_product && (left == right || plan_.extents[label] == 1);
    }
    if (!is_product || inner.empty()) return add_sum(first, &second, kept, target);

    TROUPE_TRY(const dispatch_operand left, arranged(first, joined(batch, rows, inner)));
    const bool transposed = lies_as(second, joined(batch, columns, inner));
    TROUPE_TRY(const dispatch_operand right,
               arranged(second, transposed ? joined(batch, columns, inner) : joined(batch, inner, columns)));
    const labels order = joined(batch, rows, columns);
    dispatch_operand product = target;
    if (order != kept) {
      TROUPE_TRY(product, scratch(order));
    }
    TROUPE_CHECK(add_gemm(context_, {.left = left,
                                     .right = right,
                                     .target = product,
                                     .right_transposed = transposed,
                                     .rows = elements(rows),
                                     .inner = elements(inner),
                                     .columns = elements(columns),
                                     .batch = {elements(batch)},
                                     .left_strides = {elements(rows) * elements(inner)},
                                     .right_strides = {elements(columns) * elements(inner)}}));
    if (order == kept) return {};
    return add_permuted({{product.slot, false}, dense(order)}, kept, target);
  }

  result<void> add_sum(const factor& first, const factor* second, const labels& kept, dispatch_operand target) {
    labels summed;
    for (std::size_t label = 0; label < plan_.extents.size(); ++label) {
      const bool there = first.axes.has[label] || (second && second->axes.has[label]);
      const bool stays = std::find(kept.begin(), kept.end(), label) != kept.end();
      if (there && !stays && plan_.extents[label] != 1) summed.push_back(label);
    }
    labels walked;
    for (const std::size_t label : kept)
      if (plan_.extents[label] != 1) walked.push_back(label);
    const std::size_t kept_count = walked.size();
    walked.insert(walked.end(), summed.begin(), summed.end());
    const std::int64_t terms = elements(summed);
    // The shader finds its place anew whenever the innermost axis ends.
    const std::int64_t run = summed.empty() ? 1 : std::max<std::int64_t>(1, plan_.extents[summed.back()]);
    const std::int64_t rounds = terms + terms / run * static_cast<std::int64_t>(summed.size());
    if (walked.size() > labels_max || rounds > rounds_max)
      return fail(errc::unsupported,
                  "{} sums {} products over {} axes; a device takes about {} products over {} axes at most",
                  context_.step().describe(), terms, walked.size(), rounds_max, labels_max);
    contract_parameters block{.count = as_u32(elements(kept)),
                              .terms = as_u32(terms),
                              .kept = static_cast<std::uint32_t>(kept_count),
                              .summed = static_cast<std::uint32_t>(summed.size()),
                              .extents = {},
                              .first_strides = {},
                              .second_strides = {}};
    for (std::size_t i = 0; i < walked.size(); ++i) {
      block.extents[i] = as_u32(plan_.extents[walked[i]]);
      block.first_strides[i] = as_u32(first.axes.strides[walked[i]]);
      block.second_strides[i] = second ? as_u32(second->axes.strides[walked[i]]) : 0;
    }
    context_.add({.shader = "contract",
                  .operands = {first.operand, second ? second->operand : first.operand, target},
                  .push_constants = push_bytes(block),
                  .specialization = {second != nullptr},
                  .groups = groups_for(elements(kept), 64, context_.traits())});
    return {};
  }

  lowering_context& context_;
  const einsum_plan& plan_;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 64));
  const dtype type = context.input_type(0);
  const bool is_exact = type == dtype::i32 || type == dtype::i64;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_input(i)) return fail(errc::invalid_argument, "{} lacks operand {}", context.step().describe(), i);
    if ((!is_exact && !is_float(type)) || context.input_type(i) != type)
      return fail(errc::unsupported,
                  "operands 0 and {} of {} are {} and {}; one floating-point type, int32 or int64 is "
                  "supported",
                  i, context.step().describe(), to_string(type), to_string(context.input_type(i)));
  }
  TROUPE_TRY(const einsum_plan plan, read_einsum(node_view(context), context.input_count()));
  context.set_output(0, type, plan.output);
  return {};
}

result<void> lower(lowering_context& context) {
  for (std::size_t i = 0; i < context.input_count(); ++i)
    TROUPE_CHECK(shader_count(context.step(), context.input_dims(i)));
  TROUPE_CHECK(shader_count(context.step(), context.output_dims(0)));
  TROUPE_TRY(const einsum_plan plan, read_einsum(node_view(context), context.input_count()));
  return contraction(context, plan).lower();
}

}  // namespace

operator_definition einsum_operator() {
  return {.name = "Einsum", .since_version = 12, .infer = infer, .reference = einsum_reference, .lower = lower};
}

}  // namespace troupe
