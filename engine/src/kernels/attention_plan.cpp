#include <algorithm>
#include <cmath>

#include "kernels/attention.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// A tensor of heads, as [batch, heads, positions, size] whichever way it is given.
struct head_tensor {
  std::int64_t batch = 0, heads = 0, positions = 0, size = 0;
  head_layout layout;
};

class reader {
public:
  explicit reader(const node_view& view) : view_(view), step_(view.step()) {}

  result<attention_plan> read() {
    TROUPE_CHECK(read_heads());
    TROUPE_CHECK(read_past());
    TROUPE_CHECK(read_attributes());
    TROUPE_CHECK(read_mask());
    TROUPE_CHECK(make_outputs());
    return plan_;
  }

private:
  result<head_tensor> heads_of(std::size_t operand, std::string_view heads_attribute) const {
    const shape& dims = view_.dims(operand);
    head_tensor made;
    if (dims.rank() == 4) {
      made = {dims[0], dims[1], dims[2], dims[3], {}};
      made.layout = {dims.elements(1, 4), dims.elements(2, 4), dims[3]};
      return made;
    }
    if (dims.rank() != 3)
      return fail(errc::invalid_argument,
                  "operand {} of {} is {}; [N, heads, L, size] or [N, L, heads * size] is needed", operand,
                  step_.describe(), dims.to_string());
    const std::int64_t heads = step_.int_or(heads_attribute, 0);
    if (heads < 1 || dims[2] % heads != 0)
      return fail(errc::invalid_argument, "{} of {} is {} or missing; a divisor of {} is needed for the operand {}",
                  heads_attribute, step_.describe(), heads, dims[2], dims.to_string());
    made = {dims[0], heads, dims[1], dims[2] / heads, {}};
    made.layout = {dims.elements(1, 3), made.size, dims[2]};
    return made;
  }

  result<void> read_heads() {
    TROUPE_TRY(const head_tensor q, heads_of(0, "q_num_heads"));
    TROUPE_TRY(const head_tensor k, heads_of(1, "kv_num_heads"));
    TROUPE_TRY(const head_tensor v, heads_of(2, "kv_num_heads"));
    const bool fits = q.batch == k.batch && q.batch == v.batch && k.heads == v.heads && k.positions == v.positions &&
                      q.size == k.size && k.heads > 0 && q.heads % k.heads == 0;
    if (!fits)
      return fail(errc::invalid_argument, "{} has queries {}, keys {} and values {}, which do not fit",
                  step_.describe(), view_.dims(0).to_string(), view_.dims(1).to_string(), view_.dims(2).to_string());
    plan_.batch = q.batch;
    plan_.heads = q.heads;
    plan_.kv_heads = k.heads;
    plan_.queries = q.positions;
    plan_.keys = k.positions;
    plan_.head_size = q.size;
    plan_.value_size = v.size;
    plan_.query = q.layout;
    plan_.key = k.layout;
    plan_.value = v.layout;
    return {};
  }

  result<void> read_past() {
    if (view_.has(4) != view_.has(5))
      return fail(errc::invalid_argument, "{} has a past key or a past value, but not both", step_.describe());
    if (!view_.has(4)) return {};
    for (const std::size_t operand : {std::size_t{4}, std::size_t{5}}) {
      const shape& dims = view_.dims(operand);
      const std::int64_t size = operand == 4 ? plan_.head_size : plan_.value_size;
      if (dims.rank() != 4 || dims[0] != plan_.batch || dims[1] != plan_.kv_heads || dims[3] != size ||
          dims[2] != view_.dims(4)[2])
        return fail(errc::invalid_argument, "operand {} of {} is {}; [{},{},past,{}] is needed", operand,
                    step_.describe(), dims.to_string(), plan_.batch, plan_.kv_heads, size);
    }
    plan_.past = view_.dims(4)[2];
    plan_.keys += plan_.past;
    return {};
  }

  result<void> read_attributes() {
    const float fallback = plan_.head_size == 0 ? 1 : 1 / std::sqrt(static_cast<float>(plan_.head_size));
    plan_.scale = step_.float_or("scale", fallback);
    plan_.softcap = step_.float_or("softcap", 0.0f);
    plan_.causal = step_.int_or("is_causal", 0) != 0;
    plan_.scores_mode = step_.int_or("qk_matmul_output_mode", 0);
    if (!(plan_.softcap >= 0))
      return fail(errc::invalid_argument, "softcap of {} is {}; a positive bound is needed", step_.describe(),
                  plan_.softcap);
    if (plan_.scores_mode < 0 || plan_.scores_mode > 3)
      return fail(errc::invalid_argument, "qk_matmul_output_mode of {} is {}; 0 to 3 are known", step_.describe(),
                  plan_.scores_mode);
    if (view_.has(6) && view_.dims(6) != shape{plan_.batch})
      return fail(errc::invalid_argument, "operand 6 of {} is {}; [{}] is needed", step_.describe(),
                  view_.dims(6).to_string(), plan_.batch);
    return {};
  }

  result<void> read_mask() {
    plan_.mask_keys = plan_.keys;
    if (!view_.has(3)) return {};
    const shape& mask = view_.dims(3);
    const std::int64_t whole[] = {plan_.batch, plan_.heads, plan_.queries, plan_.keys};
    bool fits = mask.rank() <= 4;
    const auto strides = mask.strides();
    for (std::size_t i = 0; fits && i < mask.rank(); ++i) {
      const std::size_t axis = 4 - mask.rank() + i;
      const bool is_keys = axis == 3;
      fits = mask[i] == 1 || mask[i] == whole[axis] || (is_keys && step_.version >= 24 && mask[i] < whole[axis]);
      plan_.mask_strides[axis] = mask[i] == 1 ? 0 : strides[i];
      if (is_keys && mask[i] != 1) plan_.mask_keys = mask[i];
    }
    if (!fits)
      return fail(errc::invalid_argument, "the mask of {} is {}, which does not broadcast to [{},{},{},{}]",
                  step_.describe(), mask.to_string(), whole[0], whole[1], whole[2], whole[3]);
    return {};
  }

  result<void> make_outputs() {
    const std::int64_t joined = plan_.heads * plan_.value_size;
    if (view_.dims(0).rank() == 3) {
      const std::int64_t target[] = {plan_.batch, plan_.queries, joined};
      TROUPE_TRY(plan_.target_dims, shape::make(target));
      plan_.target = {plan_.queries * joined, plan_.value_size, joined};
    } else {
      const std::int64_t target[] = {plan_.batch, plan_.heads, plan_.queries, plan_.value_size};
      TROUPE_TRY(plan_.target_dims, shape::make(target));
      plan_.target = {plan_.target_dims.elements(1, 4), plan_.target_dims.elements(2, 4), plan_.value_size};
    }
    const std::int64_t present_key[] = {plan_.batch, plan_.kv_heads, plan_.keys, plan_.head_size};
    TROUPE_TRY(plan_.present_key, shape::make(present_key));
    const std::int64_t present_value[] = {plan_.batch, plan_.kv_heads, plan_.keys, plan_.value_size};
    TROUPE_TRY(plan_.present_value, shape::make(present_value));
    const std::int64_t scores[] = {plan_.batch, plan_.heads, plan_.queries, plan_.keys};
    TROUPE_TRY(plan_.scores, shape::make(scores));
    return {};
  }

  const node_view& view_;
  const node& step_;
  attention_plan plan_;
};

}  // namespace

result<attention_plan> read_attention(const node_view& view) {
  return reader(view).read();
}

}  // namespace troupe
