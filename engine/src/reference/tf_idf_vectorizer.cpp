#include "kernels/tf_idf_vectorizer.hpp"

namespace troupe {

result<void> tf_idf_vectorizer_reference(reference_context& context) {
  TROUPE_TRY(const tf_idf plan, read_tf_idf(context.step()));
  TROUPE_TRY(const auto given, context.input_ints(0));
  const shape& dims = context.input(0).dims();
  const std::int64_t width = dims[dims.rank() - 1];
  const std::int64_t rows = dims.elements(0, dims.rank() - 1);
  std::vector<float> made(context.output(0).elements(), 0.0f);
  std::vector<std::int64_t> gram;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t* numbers = given.data() + row * width;
    float* target = made.data() + row * plan.columns;
    for (std::int64_t length = plan.length_min; length <= plan.length_max; ++length) {
      // A single number has no gaps.
      for (std::int64_t step = 1; step <= (length == 1 ? 1 : plan.skip_max + 1); ++step) {
        for (std::int64_t at = 0; at + (length - 1) * step < width; ++at) {
          gram.clear();
          for (std::int64_t k = 0; k < length; ++k) gram.push_back(numbers[at + k * step]);
          const auto found = plan.grams.find(gram);
          if (found == plan.grams.end()) continue;
          float& count = target[found->second.column];
          count = plan.counts ? count + found->second.weight : found->second.weight;
        }
      }
    }
  }
  return context.set_output_floats(0, made);
}

}  // namespace troupe
