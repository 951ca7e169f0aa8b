// Where data movement and arithmetic run, and how many dispatches they take: an operator that quietly fell back to the
// host, or took two passes instead of one, would still give the right values.
#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

program_stats stats_of(const kernel_case& given, dtype storage) {
  const auto opened = need(open_device("", operators()));
  const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {.storage = storage}));
  std::vector<tensor> inputs;
  for (std::size_t i = 0; i < given.inputs.size(); ++i)
    if (given.inputs[i].storage() &&
        std::find(given.constants.begin(), given.constants.end(), i) == given.constants.end())
      inputs.push_back(given.inputs[i]);
  need(loaded->run(inputs, steady_clock::now() + std::chrono::seconds(60)));
  return loaded->stats();
}

void check_dispatches(const kernel_case& given, std::size_t want, dtype storage = dtype::f16) {
  INFO(given.op << " under " << to_string(storage));
  const program_stats stats = stats_of(given, storage);
  CHECK(stats.host_nodes == 0);
  CHECK(stats.dispatches == want);
}

}  // namespace

TEST_CASE("a new shape of the same elements takes no dispatch", "[device]") {
  const tensor data = random_halves({2, 3, 4}, 1);
  check_dispatches({.op = "Reshape", .inputs = {data, list_of({4, 6})}, .constants = {1}}, 0);
  check_dispatches({.op = "Flatten", .inputs = {data}}, 0);
  check_dispatches({.op = "Squeeze", .inputs = {random_halves({1, 3, 1}, 1)}}, 0);
  check_dispatches({.op = "Unsqueeze", .inputs = {data, list_of({0})}, .constants = {1}}, 0);
  check_dispatches({.op = "Identity", .inputs = {data}}, 0);
  check_dispatches({.op = "Dropout", .inputs = {data}}, 0);
  check_dispatches({.op = "Concat", .inputs = {data}, .attributes = {{"axis", std::int64_t{0}}}}, 0);
  check_dispatches({.op = "Sum", .inputs = {data}}, 0);
  check_dispatches({.op = "Expand", .inputs = {data, list_of({1, 2, 3, 4})}, .constants = {1}}, 0);
  check_dispatches({.op = "Slice",
                    .inputs = {data, list_of({0}), list_of({std::numeric_limits<std::int64_t>::max()})},
                    .constants = {1, 2}},
                   0);
  check_dispatches({.op = "Pad", .inputs = {data, list_of({0, 0, 0, 0, 0, 0})}, .constants = {1}}, 0);
  check_dispatches({.op = "Cast", .inputs = {data}, .attributes = {{"to", std::int64_t{10}}}}, 0);
}

TEST_CASE("moving data takes one dispatch for each part", "[device]") {
  const tensor data = random_halves({2, 3, 4}, 1);
  check_dispatches({.op = "Transpose", .inputs = {data}}, 1);
  check_dispatches({.op = "Slice", .inputs = {data, list_of({1}), list_of({2})}, .constants = {1, 2}}, 1);
  check_dispatches({.op = "Expand", .inputs = {data, list_of({5, 2, 3, 4})}, .constants = {1}}, 1);
  check_dispatches({.op = "Pad", .inputs = {data, list_of({1, 0, 0, 0, 0, 1})}, .constants = {1}}, 1);
  check_dispatches({.op = "Gather", .inputs = {data, list_of({1, 0})}}, 1);
  check_dispatches({.op = "Concat", .inputs = {data, data, data}, .attributes = {{"axis", std::int64_t{1}}}}, 3);
  check_dispatches({.op = "Split", .inputs = {data}, .attributes = {{"axis", std::int64_t{2}}}, .outputs = 4}, 4);
  check_dispatches({.op = "Cast", .inputs = {data}, .attributes = {{"to", std::int64_t{10}}}}, 1, dtype::f32);
}

TEST_CASE("arithmetic takes one dispatch for each function", "[device]") {
  const tensor data = random_halves({2, 3, 4}, 1);
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Pow", "PRelu"})
    check_dispatches({.op = op, .inputs = {data, scalar_of(2.0f)}}, 1);
  for (const char* op : {"Sum", "Min", "Max"})
    check_dispatches({.op = op, .inputs = {data, scalar_of(2.0f), data, data}}, 3);
  for (const char* op : {"Relu", "Clip", "Gelu", "Softplus"})
    check_dispatches({.op = op, .inputs = {data}, .version = 20}, 1);
}
