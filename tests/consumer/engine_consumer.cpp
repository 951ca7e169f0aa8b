// A program that uses the engine alone: one operator on the reference device.
#include <cstdio>

#include "troupe/engine/device.hpp"

int main() {
  troupe::graph network;
  troupe::value_info x{"x", troupe::dtype::f32, true, std::vector<troupe::dimension>{{-1, "n"}}};
  troupe::value_info y = x;
  y.name = "y";
  network.inputs = {network.add_value(x)};
  network.outputs = {network.add_value(y)};
  network.nodes.push_back({.op = "Relu", .version = 14, .inputs = network.inputs, .outputs = network.outputs});

  const auto operators = std::make_shared<const troupe::operator_table>(troupe::builtin_operators());
  const auto opened = troupe::open_device("reference", operators);
  if (!opened) return std::puts(opened.error().to_string().c_str()), 1;
  const auto loaded = (*opened)->load(std::make_shared<const troupe::graph>(network), {.storage = troupe::dtype::f32});
  if (!loaded) return std::puts(loaded.error().to_string().c_str()), 1;
  const float values[] = {-1, 0, 2};
  const auto input = troupe::tensor::from<float>({3}, values);
  if (!input) return std::puts(input.error().to_string().c_str()), 1;
  const auto answer = (*loaded)->run({&*input, 1}, troupe::steady_clock::now() + std::chrono::seconds(10));
  if (!answer) return std::puts(answer.error().to_string().c_str()), 1;
  const auto given = answer->at(0).as<float>();
  return given.size() == 3 && given[0] == 0 && given[1] == 0 && given[2] == 2 ? 0 : 1;
}
