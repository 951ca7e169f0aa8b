// Two programs that embed Troupe and share work: one lends its device, the other places a part of its model there.
#include <chrono>
#include <cstdio>
#include <cstring>

#include "troupe/troupe.hpp"

namespace {

/// Lends this process's device for as long as somebody keeps stdin open.
troupe::result<void> serve(const char* address) {
  TROUPE_TRY(troupe::system node, troupe::system::make({.name = "lender"}));
  TROUPE_TRY(const std::uint16_t port, node.listen(address));
  std::printf("listening on port %u; end of input stops\n", static_cast<unsigned>(port));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return {};
}

/// Runs the model on zeros, two parts over the nodes there are, and says where the parts are.
troupe::result<void> use(const char* address, const char* model_file) {
  TROUPE_TRY(troupe::system here, troupe::system::make({.nodes = {address}}));
  TROUPE_TRY(const troupe::model model, here.load(model_file, {.shards = 2}));

  TROUPE_TRY(const auto placement, model.placement());
  for (const troupe::part_placement& part : placement)
    std::printf("part %u: %zu operators on node %s, %s\n", part.part, part.nodes, part.node.c_str(),
                part.device.c_str());

  std::vector<troupe::tensor> inputs;
  for (const troupe::value_info& input : model.inputs()) {
    std::vector<std::int64_t> extents;
    for (const troupe::dimension& extent : input.dims.value_or(std::vector<troupe::dimension>{}))
      extents.push_back(extent.extent < 0 ? 1 : extent.extent);
    TROUPE_TRY(const troupe::shape dims, troupe::shape::make(extents));
    TROUPE_TRY(troupe::tensor zeros, troupe::tensor::make(input.type, dims));
    inputs.push_back(std::move(zeros));
  }
  TROUPE_TRY(const troupe::run_result answer, model.run(inputs, {.deadline = std::chrono::seconds(30)}));
  for (std::size_t i = 0; i < answer.outputs.size(); ++i)
    std::printf("%s: %s\n", model.outputs()[i].name.c_str(), answer.outputs[i].describe().c_str());
  std::printf("recoveries: %u\n", answer.recoveries);
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  const bool serving = count == 3 && std::strcmp(arguments[1], "serve") == 0;
  const bool using_it = count == 4 && std::strcmp(arguments[1], "use") == 0;
  if (!serving && !using_it) {
    std::fprintf(stderr, "usage: sample_02_two_nodes serve ADDR:PORT | use HOST:PORT MODEL.onnx\n");
    return 2;
  }
  const auto done = serving ? serve(arguments[2]) : use(arguments[2], arguments[3]);
  if (!done) std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
  return done ? 0 : 1;
}
