// TfIdfVectorizer: how often runs of integers ("n-grams", also with gaps) occur in a row.
// https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html
#include "kernels/tf_idf_vectorizer.hpp"

#include <algorithm>

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> tf_idf_vectorizer_reference(reference_context&);

namespace {

/// Wider gaps and longer runs would cost time that grows with the row, for each of its positions.
constexpr std::int64_t gram_length_max = 64;
constexpr std::int64_t skip_count_max = 1024;
constexpr std::int64_t columns_max = std::int64_t{1} << 24;

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const dtype type = context.input_type(0);
  if (type != dtype::i32 && type != dtype::i64)
    return fail(errc::unsupported, "{} reads {}; int32 and int64 are supported", context.step().describe(),
                to_string(type));
  TROUPE_TRY(const tf_idf plan, read_tf_idf(context.step()));
  const shape& given = context.input_dims(0);
  if (given.rank() != 1 && given.rank() != 2)
    return fail(errc::invalid_argument, "{} reads {}; one row or a list of rows is needed", context.step().describe(),
                given.to_string());
  std::vector<std::int64_t> extents(given.begin(), given.end());
  extents.back() = plan.columns;
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, dtype::f32, dims);
  return {};
}

/// Puts the runs of `length` numbers, one after the other in [first, last) of the pool, into `plan`.
result<void> add_grams(const node& step, tf_idf& plan, std::size_t first, std::size_t last, std::size_t length,
                       std::size_t& next) {
  const auto& pool = *step.ints("pool_int64s");
  const auto columns = step.ints_or("ngram_indexes", {});
  const auto found = step.attributes.find("weights");
  const auto* weights = found == step.attributes.end() ? nullptr : std::get_if<std::vector<float>>(&found->second);
  if ((last - first) % length != 0)
    return fail(errc::invalid_argument, "{} has {} numbers in runs of {}", step.describe(), last - first, length);
  for (std::size_t at = first; at < last; at += length, ++next) {
    if (next >= columns.size() || columns[next] < 0 || columns[next] >= plan.columns)
      return fail(errc::invalid_argument, "ngram_indexes of {} does not name a column for run {}", step.describe(),
                  next);
    if (plan.weighs && weights && next >= weights->size())
      return fail(errc::invalid_argument, "{} has no weight for run {}", step.describe(), next);
    const float weight = plan.weighs && weights ? (*weights)[next] : 1.0f;
    const auto begin = pool.begin() + static_cast<std::ptrdiff_t>(at);
    plan.grams.insert_or_assign({begin, begin + static_cast<std::ptrdiff_t>(length)},
                                tf_idf::entry{static_cast<std::size_t>(columns[next]), weight});
  }
  return {};
}

}  // namespace

result<tf_idf> read_tf_idf(const node& step) {
  tf_idf plan;
  const std::string mode = step.string_or("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return fail(errc::invalid_argument, "{} has the mode \"{}\"; TF, IDF and TFIDF are possible", step.describe(),
                mode);
  plan.counts = mode != "IDF";
  plan.weighs = mode != "TF";
  plan.length_min = step.int_or("min_gram_length", 1);
  plan.length_max = step.int_or("max_gram_length", 1);
  plan.skip_max = step.int_or("max_skip_count", 0);
  if (plan.length_min < 1 || plan.length_max < plan.length_min || plan.length_max > gram_length_max ||
      plan.skip_max < 0 || plan.skip_max > skip_count_max)
    return fail(errc::unsupported,
                "{} looks for runs of {} to {} numbers with {} gaps; 1 to {} and 0 to {} are supported",
                step.describe(), plan.length_min, plan.length_max, plan.skip_max, gram_length_max, skip_count_max);
  const auto* pool = step.ints("pool_int64s");
  if (!pool) return fail(errc::unsupported, "{} has no pool of integers; texts are not supported", step.describe());
  const auto columns = step.ints_or("ngram_indexes", {});
  plan.columns = columns.empty() ? 0 : *std::max_element(columns.begin(), columns.end()) + 1;
  if (plan.columns < 1 || plan.columns > columns_max)
    return fail(errc::unsupported, "{} makes {} columns; 1 to {} are supported", step.describe(), plan.columns,
                columns_max);
  const auto starts = step.ints_or("ngram_counts", {});
  const auto size = static_cast<std::int64_t>(pool->size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::int64_t end = i + 1 < starts.size() ? starts[i + 1] : size;
    if (starts[i] < 0 || end < starts[i] || end > size)
      return fail(errc::invalid_argument, "ngram_counts of {} names the numbers {} to {} of {}", step.describe(),
                  starts[i], end, size);
    TROUPE_CHECK(
        add_grams(step, plan, static_cast<std::size_t>(starts[i]), static_cast<std::size_t>(end), i + 1, next));
  }
  return plan;
}

operator_definition tf_idf_vectorizer_operator() {
  return {.name = "TfIdfVectorizer", .since_version = 9, .infer = infer, .reference = tf_idf_vectorizer_reference};
}

}  // namespace troupe
