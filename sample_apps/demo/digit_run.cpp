#include "digit_run.hpp"

#include <chrono>

#include "in_flight.hpp"
#include "pictures.hpp"

namespace troupe::demo {

result<digit_set> digit_set::read(const std::filesystem::path& folder, const graph& network, std::size_t batch) {
  std::vector<value_info> inputs;
  for (const value_id id : network.inputs) inputs.push_back(network.values[id]);
  TROUPE_TRY(const auto input, sample::picture_input_of(inputs, network.metadata));
  const std::string argument = folder.string();
  TROUPE_TRY(const auto files, sample::expand_pictures({&argument, 1}));
  digit_set made;
  std::vector<tensor> rows;
  for (std::size_t i = 0; i < files.size(); ++i) {
    TROUPE_TRY(tensor picture, read_image(files[i]));
    if (picture.dims()[2] != 1 || (i > 0 && picture.dims() != made.pictures[0].dims()))
      return error(errc::invalid_argument, files[i].string() + " is not a grey picture of the size of the others");
    made.pictures.push_back(std::move(picture));
    made.labels.push_back(sample::label_in_name(files[i]));
    TROUPE_TRY(tensor row, sample::read_picture(files[i], input));
    rows.push_back(std::move(row));
    if (rows.size() < batch && i + 1 < files.size()) continue;
    TROUPE_TRY(tensor joined, concat_rows(rows));
    made.batches.push_back(std::move(joined));
    rows.clear();
  }
  return made;
}

result<digit_answers> classify(const model& loaded, const digit_set& digits, std::size_t under_way,
                               const std::function<result<void>()>& disturb) {
  const auto started = steady_clock::now();
  sample::in_flight requests(loaded, {}, under_way);
  for (std::size_t i = 0; i < digits.batches.size(); ++i) {
    requests.push({digits.batches[i]});
    if (disturb && i == digits.batches.size() / 2) TROUPE_CHECK(disturb());
  }
  TROUPE_TRY(auto answers, requests.finish());

  digit_answers made;
  made.seconds = std::chrono::duration<double>(steady_clock::now() - started).count();
  const auto labels = sample::labels_of(loaded.metadata());
  for (run_result& answer : answers) {
    made.recoveries += answer.recoveries;
    TROUPE_TRY(const tensor scores, convert(answer.outputs.at(0), dtype::f32));
    const std::size_t classes = static_cast<std::size_t>(scores.dims()[1]);
    for (std::size_t row = 0; row * classes < scores.elements(); ++row) {
      const std::size_t best = sample::largest(scores.as<float>().subspan(row * classes, classes), 1)[0];
      made.guesses.push_back(best < labels.size() ? labels[best] : std::to_string(best));
      made.correct += made.guesses.back() == digits.labels[made.guesses.size() - 1] ? 1 : 0;
    }
    made.scores.push_back(std::move(answer.outputs[0]));
  }
  return made;
}

bool identical(const digit_answers& a, const digit_answers& b) {
  if (a.scores.size() != b.scores.size()) return false;
  for (std::size_t i = 0; i < a.scores.size(); ++i)
    if (!bitwise_equal(a.scores[i], b.scores[i])) return false;
  return true;
}

}  // namespace troupe::demo
