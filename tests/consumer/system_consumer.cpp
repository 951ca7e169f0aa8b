// A program that embeds the whole: two operators in two supervised shards.
#include <cstdio>

#include "troupe/troupe.hpp"

int main() {
  troupe::graph network;
  troupe::value_info x{"x", troupe::dtype::f32, true, std::vector<troupe::dimension>{{-1, "n"}}};
  troupe::value_info middle = x, y = x;
  middle.name = "middle";
  y.name = "y";
  network.inputs = {network.add_value(x)};
  const auto between = network.add_value(middle);
  network.outputs = {network.add_value(y)};
  network.nodes.push_back({.op = "Relu", .version = 14, .inputs = network.inputs, .outputs = {between}});
  network.nodes.push_back({.op = "Neg", .version = 13, .inputs = {between}, .outputs = network.outputs});

  auto on = troupe::system::make({.device = "reference"});
  if (!on) return std::puts(on.error().to_string().c_str()), 1;
  const auto loaded = on->load(network, {.shards = 2});
  if (!loaded) return std::puts(loaded.error().to_string().c_str()), 1;
  const float values[] = {-1, 0, 2};
  const auto input = troupe::tensor::from<float>({3}, values);
  if (!input) return std::puts(input.error().to_string().c_str()), 1;
  const auto answer = loaded->run({&*input, 1});
  if (!answer) return std::puts(answer.error().to_string().c_str()), 1;
  const auto given = answer->outputs.at(0).as<float>();
  return given.size() == 3 && given[0] == 0 && given[1] == 0 && given[2] == -2 ? 0 : 1;
}
