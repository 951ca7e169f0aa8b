// troupe classify MODEL IMAGE...: what is in pictures.
#include "commands.hpp"
#include "in_flight.hpp"
#include "options.hpp"
#include "pictures.hpp"

namespace troupe::app {
namespace {

namespace fs = std::filesystem;

struct classify_command {
  std::string model_file;
  std::vector<std::string> pictures;
  std::string label_file;
  std::size_t top = 5;
  std::size_t batch = 0;
  bool expect_from_name = false;
  sample::picture_options preprocessing;
  placement_options placement;
  spread_options spread;
};

using seconds = std::chrono::duration<double>;

struct verdict {
  std::vector<std::size_t> classes;  ///< best first
  std::vector<float> probability;    ///< of each of them
};

/// The rows of one batch's first output, without those that only filled the batch up.
result<void> read_verdicts(const run_result& answer, std::size_t batch, std::size_t used, std::size_t top,
                           std::vector<verdict>& verdicts) {
  if (answer.outputs.empty()) return error(errc::invalid_argument, "the model has no output");
  TROUPE_TRY(const tensor scores, convert(answer.outputs[0], dtype::f32));
  if (scores.elements() == 0 || scores.elements() % batch != 0)
    return error(errc::invalid_argument, fmt::format("the output {} is not one row of scores for each of {} pictures",
                                                     answer.outputs[0].describe(), batch));
  const std::size_t classes = scores.elements() / batch;
  for (std::size_t row = 0; row < used; ++row) {
    const auto probability = sample::probabilities(scores.as<float>().subspan(row * classes, classes));
    verdict made{sample::largest(probability, top), {}};
    for (const std::size_t index : made.classes) made.probability.push_back(probability[index]);
    verdicts.push_back(std::move(made));
  }
  return {};
}

std::string label_of(std::size_t index, const std::vector<std::string>& labels) {
  return index < labels.size() ? labels[index] : fmt::format("{}", index);
}

/// Decodes pictures while earlier batches are computed.
result<std::vector<verdict>> classify_all(const model& loaded, const std::vector<fs::path>& files,
                                          const sample::picture_input& input, const classify_command& given,
                                          std::uint32_t& recoveries, console& out) {
  const std::size_t batch = input.batch ? static_cast<std::size_t>(*input.batch)
                                        : std::min(given.batch ? given.batch : std::size_t{16}, files.size());
  sample::in_flight requests(loaded, given.spread.for_running(), requests_at_once(loaded));
  std::vector<std::size_t> used;
  std::vector<tensor> rows;
  for (std::size_t i = 0; i < files.size(); ++i) {
    TROUPE_TRY(tensor row, sample::read_picture(files[i], input));
    rows.push_back(std::move(row));
    if (rows.size() < batch && i + 1 < files.size()) continue;
    used.push_back(rows.size());
    while (input.batch && rows.size() < batch) rows.push_back(rows.back());  // the model takes full batches only
    TROUPE_TRY(tensor joined, concat_rows(rows));
    rows.clear();
    requests.push({std::move(joined)});
    out.progress(fmt::format("{} of {} pictures", i + 1, files.size()));
  }
  TROUPE_TRY(const auto answers, requests.finish());
  std::vector<verdict> verdicts;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    recoveries += answers[i].recoveries;
    TROUPE_CHECK(read_verdicts(answers[i], input.batch ? batch : used[i], used[i], given.top, verdicts));
  }
  return verdicts;
}

result<void> classify(const classify_command& given, console& out) {
  TROUPE_TRY(const auto files, sample::expand_pictures(given.pictures));
  TROUPE_TRY(const graph network, read_model(given.model_file));
  std::vector<value_info> inputs;
  for (const value_id id : network.inputs) inputs.push_back(network.values[id]);
  TROUPE_TRY(const auto input,
             sample::picture_input_of(inputs, network.metadata, given.preprocessing).while_doing(given.model_file));
  if (input.batch && given.batch && *input.batch != static_cast<std::int64_t>(given.batch))
    return error(errc::invalid_argument,
                 fmt::format("--batch is {}, but the model takes {} pictures at a time", given.batch, *input.batch));
  std::vector<std::string> labels = sample::labels_of(network.metadata);
  if (!given.label_file.empty()) {
    TROUPE_TRY(labels, sample::read_labels(given.label_file));
  }

  const auto started = steady_clock::now();
  out.progress("loading " + given.model_file);
  TROUPE_TRY(system on, system::make(given.placement.for_system()));
  TROUPE_TRY(const model loaded,
             load_spread(on, given.model_file, network, given.spread, given.spread.for_loading(given.placement)));
  if (given.placement.verbose) print_placement(loaded);
  const auto ready = steady_clock::now();
  std::uint32_t recoveries = 0;
  TROUPE_TRY(const auto verdicts, classify_all(loaded, files, input, given, recoveries, out));
  const auto finished = steady_clock::now();

  std::size_t correct = 0;
  json images = json::array();
  table shown{{"picture", "class", "probability"}, {}};
  if (given.expect_from_name) shown.header.push_back("expected");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const verdict& seen = verdicts[i];
    const std::string label = label_of(seen.classes[0], labels);
    json top = json::array();
    for (std::size_t k = 0; k < seen.classes.size(); ++k) {
      top.push_back({{"class", seen.classes[k]},
                     {"label", label_of(seen.classes[k], labels)},
                     {"probability", seen.probability[k]}});
      shown.rows.push_back({k == 0 ? files[i].string() : "", label_of(seen.classes[k], labels),
                            fmt::format("{:.4f}", seen.probability[k])});
      if (given.expect_from_name) shown.rows.back().push_back("");
    }
    json image{{"file", files[i].string()},
               {"class", seen.classes[0]},
               {"label", label},
               {"probability", seen.probability[0]},
               {"top", std::move(top)}};
    if (given.expect_from_name) {
      const std::string expected = sample::label_in_name(files[i]);
      const bool right = expected == label || expected == fmt::format("{}", seen.classes[0]);
      correct += right ? 1 : 0;
      image["expected"] = expected;
      image["correct"] = right;
      shown.rows[shown.rows.size() - seen.classes.size()].back() = right ? expected : expected + " (wrong)";
    }
    images.push_back(std::move(image));
  }

  const double run_s = seconds(finished - ready).count();
  json summary{{"images", std::move(images)}, {"count", files.size()}};
  if (given.expect_from_name) {
    summary["correct"] = correct;
    summary["accuracy"] = static_cast<double>(correct) / static_cast<double>(files.size());
  }
  summary["device"] = on.default_device().name;
  summary["timings"] = {{"load_s", seconds(ready - started).count()},
                        {"run_s", run_s},
                        {"images_per_s", static_cast<double>(files.size()) / run_s}};
  summary["recoveries"] = recoveries;
  out.object(summary);
  out.print(shown);
  if (given.expect_from_name)
    out.line("{} of {} right ({:.2f} %)", correct, files.size(),
             100.0 * static_cast<double>(correct) / static_cast<double>(files.size()));
  out.line("{} pictures in {:.1f} ms{}", files.size(), run_s * 1e3,
           recoveries ? fmt::format(", recovered {} times", recoveries) : "");
  return {};
}

}  // namespace

void add_classify(program& to) {
  auto given = std::make_shared<classify_command>();
  CLI::App& command =
      to.add("classify", "Says what is in pictures", "troupe classify model.onnx cat.jpg --labels labels.txt --top 3",
             [given](console& out) { return classify(*given, out); });
  command.add_option("MODEL", given->model_file, "ONNX file")->required();
  command.add_option("IMAGE", given->pictures, "PNG, JPEG, BMP or PNM files, or folders of them")->required();
  command.add_option("--labels", given->label_file, "One label a line; else the model's metadata `labels`")
      ->type_name("FILE");
  command.add_option("--top", given->top, "Classes to print for each picture")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--batch", given->batch, "Pictures in one run; 16 if the model leaves it open")
      ->check(CLI::Range(1, 65536));
  command.add_flag("--expect-from-name", given->expect_from_name,
                   "Compare with the label after the last _ or - of each file's name, and print the accuracy");
  auto& preprocessing = given->preprocessing;
  command.add_option("--mean", preprocessing.mean, "Subtracted after scaling; one value or one a channel")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--std", preprocessing.deviation, "Divided by after that; one value or one a channel")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--scale", preprocessing.scale,
                     "Multiplies the pixels, 0 to 255; 1/255 if nothing says otherwise");
  command.add_option("--layout", preprocessing.layout, "Order of the input's axes")
      ->check(CLI::IsMember({"NCHW", "NHWC"}));
  command.add_option("--size", preprocessing.size, "Size of the input when the model leaves it open")
      ->type_name("HEIGHTxWIDTH");
  given->placement.add_to(command);
  given->spread.add_to(command);
}

}  // namespace troupe::app
