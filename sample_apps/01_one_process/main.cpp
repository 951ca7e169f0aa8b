// The smallest embedding: a model cut into two supervised shards in this process, asked about one picture.
#include <algorithm>
#include <cstdio>

#include "troupe/troupe.hpp"

namespace {

/// The model's answer to one picture: a score for each class.
troupe::result<troupe::tensor> scores_of(const char* model_file, const char* picture_file) {
  TROUPE_TRY(troupe::system troupe_system, troupe::system::make());
  TROUPE_TRY(troupe::model model, troupe_system.load(model_file, {.shards = 2}));

  // What the model wants, [batch, channels, height, width]; digits.onnx takes [batch, 1, 8, 8].
  if (model.inputs().size() != 1 || !model.inputs()[0].dims || model.inputs()[0].dims->size() != 4)
    return troupe::error(troupe::errc::invalid_argument, "this sample needs a model with one NCHW input");
  const auto& dims = *model.inputs()[0].dims;
  TROUPE_TRY(const troupe::tensor picture, troupe::read_image(picture_file));
  TROUPE_TRY(
      const troupe::tensor input,
      troupe::to_model_input(picture, {.channels = dims[1].extent, .height = dims[2].extent, .width = dims[3].extent}));

  TROUPE_TRY(troupe::run_result answer, model.run({&input, 1}));
  return troupe::convert(answer.outputs.at(0), troupe::dtype::f32);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: sample_01_one_process MODEL.onnx PICTURE\n");
    return 2;
  }
  const auto scores = scores_of(arguments[1], arguments[2]);
  if (!scores) {
    std::fprintf(stderr, "%s\n", scores.error().to_string().c_str());
    return 1;
  }
  const auto values = scores->as<float>();
  const auto best = std::max_element(values.begin(), values.end());
  std::printf("class %td, score %.3f\n", best - values.begin(), static_cast<double>(*best));
  return 0;
}
