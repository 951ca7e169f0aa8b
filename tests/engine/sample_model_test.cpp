// The network for digits that comes with Troupe, through everything between a file and a device.
#include "support/reference_run.hpp"
#include "troupe/engine/image.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/partition.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

const std::filesystem::path models = std::filesystem::path(TROUPE_SOURCE_DIR) / "sample_apps" / "models";

tensor input_for(const graph& model, std::int64_t batch, std::uint64_t seed) {
  std::vector<std::int64_t> extents;
  for (const dimension& axis : *model.values[model.inputs[0]].dims)
    extents.push_back(axis.extent >= 0 ? axis.extent : batch);
  return random_tensor(need(shape::make(extents)), seed, 0.0f, 1.0f);
}

}  // namespace

TEST_CASE("passes change the sample network's results by rounding only") {
  const operator_table operators = builtin_operators();
  const graph model = need(import_onnx(models / "digits.onnx"));
  graph smaller = model;
  need(optimize(smaller, operators));
  CHECK(smaller.nodes.size() <= model.nodes.size());
  const tensor x = input_for(model, 3, 1);
  const auto before = reference_run(model, operators, {x}), after = reference_run(smaller, operators, {x});
  REQUIRE(after[0].dims() == before[0].dims());
  // Two fp32 evaluations of sums of a few hundred products.
  for (std::size_t i = 0; i < before[0].elements(); ++i)
    CHECK(after[0].as<float>()[i] == Approx(before[0].as<float>()[i]).epsilon(1e-4).margin(1e-4));
}

TEST_CASE("the sample network gives the same bits whole and in any number of parts") {
  const operator_table operators = builtin_operators();
  graph model = need(import_onnx(models / "digits.onnx"));
  need(optimize(model, operators));
  const tensor x = input_for(model, 2, 2);
  for (const dtype storage : {dtype::f16, dtype::f32}) {
    const auto whole = reference_run(model, operators, {x}, storage);
    for (std::size_t stages = 1; stages <= model.nodes.size(); ++stages) {
      CAPTURE(stages, to_string(storage));
      std::vector<tensor> values{x};
      for (const graph& part : need(cut_pipeline(model, stages, operators, storage)))
        values = reference_run(part, operators, values, storage);
      REQUIRE(bitwise_equal(values[0], whole[0]));
    }
  }
}
