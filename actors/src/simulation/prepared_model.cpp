#include "simulation/prepared_model.hpp"

#include <numeric>

#include "simulation/stub_device.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::simulation {
namespace {

// The stub's network: real operators, so that it is cut as any model, and as small as they allow.
constexpr std::int64_t width = 8, head_size = 16, sessions = 2, session_pages = 6;
constexpr std::size_t layers = 8;

tensor some_tensor(const shape& dims, std::uint64_t seed) {
  tensor made = tensor::make(dtype::f32, dims).value();
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u;
  for (float& element : made.as_mutable<float>()) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    element = static_cast<float>(state >> 53) / 1024.0f - 1.0f;
  }
  return made;
}

graph stub_network(bool stateful) {
  graph made;
  const auto input = [&](std::string name, dtype type, std::vector<dimension> dims) {
    made.inputs.push_back(made.add_value({std::move(name), type, true, std::move(dims)}));
    return made.inputs.back();
  };
  const auto step = [&](std::string op, std::string domain, const std::string& name, std::vector<value_id> operands,
                        std::int64_t columns) {
    node added{std::move(op), std::move(domain), name, 1, std::move(operands), {}, {}};
    if (added.domain.empty()) added.version = 13;
    added.outputs = {made.add_value({name, dtype::f32, true, std::vector<dimension>{{-1, "n"}, {columns, ""}}})};
    made.nodes.push_back(std::move(added));
    return made.nodes.back().outputs[0];
  };
  value_id x = input("x", dtype::f32, {{-1, "n"}, {width, ""}}), positions{}, sequences{}, table{};
  if (stateful) {
    positions = input("positions", dtype::i32, {{-1, "n"}});
    sequences = input("sequences", dtype::i32, {{-1, "n"}});
    table = input("pages", dtype::i32, {{sessions, ""}, {session_pages, ""}});
  }
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const std::string number = std::to_string(layer);
    const std::int64_t columns = stateful ? 3 * head_size : width;
    const value_id into = made.add_constant("into." + number, some_tensor({width, columns}, 11 + layer));
    value_id inner = step("MatMul", "", "inner." + number, {x, into}, columns);
    if (stateful) {
      const value_id keys =
          made.add_state("keys." + number, dtype::f32, {1 + sessions * session_pages, 1, 16, head_size});
      const value_id values =
          made.add_state("values." + number, dtype::f32, {1 + sessions * session_pages, 1, 16, head_size});
      inner = step("CachedAttention", "troupe", "attention." + number,
                   {inner, positions, sequences, table, keys, values}, head_size);
      made.nodes.back().attributes = {{"heads", std::int64_t{1}},
                                      {"kv_heads", std::int64_t{1}},
                                      {"scale", 0.25f},
                                      {"rotary_size", std::int64_t{0}},
                                      {"rotary_halves", std::int64_t{1}},
                                      {"window", std::int64_t{0}},
                                      {"softcap", 0.0f},
                                      {"norm_epsilon", 1e-5f}};
      const value_id out_of = made.add_constant("out_of." + number, some_tensor({head_size, width}, 97 + layer));
      inner = step("MatMul", "", "back." + number, {inner, out_of}, width);
    }
    x = step("Add", "", "x." + number, {inner, x}, width);
  }
  made.outputs = {x};
  return made;
}

std::vector<tensor> stub_inputs(bool stateful, std::uint32_t session, std::int64_t first, std::int64_t count) {
  const auto rows = static_cast<std::size_t>(count);
  std::vector<float> x;
  for (std::int64_t row = first; row < first + count; ++row)
    for (std::int64_t i = 0; i < width; ++i)
      x.push_back(static_cast<float>((session * 7919 + static_cast<std::uint64_t>(row) * 104'729 +
                                      static_cast<std::uint64_t>(i) * 31) %
                                     2048) /
                      1024.0f -
                  1.0f);
  std::vector<tensor> made{tensor::from<float>({count, width}, x).value()};
  if (!stateful) return made;
  std::vector<std::int32_t> positions(rows), of(rows, static_cast<std::int32_t>(session)),
      table(static_cast<std::size_t>(sessions * session_pages));
  std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
  std::iota(table.begin(), table.end(), 1);
  made.push_back(tensor::from<std::int32_t>({count}, positions).value());
  made.push_back(tensor::from<std::int32_t>({count}, of).value());
  made.push_back(tensor::from<std::int32_t>({sessions, session_pages}, table).value());
  return made;
}

}  // namespace

std::shared_ptr<const model_under_test> stub_model(bool stateful) {
  const auto make = [](bool with_states) {
    auto made = std::make_shared<model_under_test>();
    made->network = stub_network(with_states);
    made->inputs = [with_states](std::uint32_t session, std::int64_t first, std::int64_t count) {
      return stub_inputs(with_states, session, first, count);
    };
    return made;
  };
  static const std::shared_ptr<const model_under_test> with = make(true), without = make(false);
  return stateful ? with : without;
}

result<std::shared_ptr<prepared_model>> prepared_model::make(std::shared_ptr<const model_under_test> model,
                                                             const workload& work) {
  auto made = std::make_shared<prepared_model>();
  made->model_ = std::move(model);
  made->operators_ = std::make_shared<const operator_table>(builtin_operators());
  load_options options;
  options.shards = work.shards;
  options.parallel = work.what == workload::shape::data ? parallel_mode::data : parallel_mode::pipeline;
  options.storage = dtype::f32;
  TROUPE_TRY(plan planned, make_plan(std::span(&made->model_->network, 1), options, *made->operators_));
  if (planned.stateful != (work.what == workload::shape::sessions))
    return error(errc::invalid_argument, "sessions need a model with states, batches one without");
  made->layout_ = std::make_shared<const plan>(std::move(planned));
  TROUPE_TRY(const auto opened, made->open_device());
  for (std::uint32_t stage = 0; stage < made->layout_->stages; ++stage) {
    TROUPE_TRY(auto loaded,
               opened->load(made->layout_->parts[made->layout_->part_of(0, stage)].network, {.storage = dtype::f32}));
    made->stages_.push_back(std::move(loaded));
  }
  return made;
}

result<std::shared_ptr<device>> prepared_model::open_device() const {
  if (model_->open_device) return model_->open_device();
  return make_stub_device();
}

std::vector<tensor> prepared_model::inputs(std::uint32_t session, std::int64_t first, std::int64_t count) const {
  return model_->inputs(session, first, count);
}

result<tensor> prepared_model::undisturbed(std::uint32_t session, std::int64_t first, std::int64_t count) {
  std::vector<tensor> values = inputs(session, first, count);
  for (const auto& stage : stages_) {
    TROUPE_TRY(values, stage->run(values, time_point::max()));
  }
  return values.at(0);
}

result<tensor> prepared_model::expected(std::uint32_t session, std::int64_t first, std::int64_t count) {
  std::int64_t& rows = rows_known_[session];
  while (rows < first + count) {
    const std::int64_t more = std::max<std::int64_t>(layout_->stateful ? 1 : first + count - rows, 1);
    TROUPE_TRY(tensor next, undisturbed(session, rows, more));
    if (rows == 0) {
      known_[session] = std::move(next);
    } else {
      const std::array<tensor, 2> both{known_[session], std::move(next)};
      TROUPE_TRY(known_[session], concat_rows(both));
    }
    rows += more;
  }
  return known_[session].rows(first, count);
}

}  // namespace troupe::simulation
