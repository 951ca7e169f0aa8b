// troupe run MODEL: one set of inputs in, one set of outputs out, all in files.
#include <future>

#include "commands.hpp"
#include "options.hpp"
#include "tensor_files.hpp"
#include "troupe/engine/specialize.hpp"
#include "weight_progress.hpp"

namespace troupe::app {
namespace {

struct run_command {
  std::string model_file;
  std::vector<std::string> inputs;
  std::string output_folder;
  bool number_outputs = false;
  std::size_t repeat = 1;
  std::vector<std::uint32_t> kills;
  placement_options placement;
  spread_options spread;
};

using seconds = std::chrono::duration<double>;

/// One run, during which the parts that `--kill-part` names are killed.
result<run_result> run_once(system& on, const model& loaded, const std::vector<tensor>& inputs,
                            const run_command& given) {
  if (given.kills.empty()) return loaded.run(inputs, given.spread.for_running());
  auto answer = std::make_shared<std::promise<result<run_result>>>();
  auto waiting = answer->get_future();
  loaded.submit(inputs, given.spread.for_running(),
                [answer](result<run_result> outcome) { answer->set_value(std::move(outcome)); });
  for (const std::uint32_t part : given.kills) TROUPE_CHECK(on.kill_part(loaded, part));
  if (waiting.wait_for(given.spread.for_running().deadline + std::chrono::seconds(10)) != std::future_status::ready)
    return error(errc::internal, "the model gives no answer within its own deadline; please report this");
  return waiting.get();
}

std::vector<value_info> declared_inputs(const graph& network) {
  std::vector<value_info> declared;
  for (const value_id id : network.inputs) declared.push_back(network.values[id]);
  return declared;
}

result<void> run(const run_command& given, console& out) {
  if (!given.kills.empty() && !given.placement.allow_fault_injection)
    return error(errc::invalid_argument, "--kill-part needs --allow-fault-injection");
  TROUPE_TRY(const graph network, read_model(given.model_file));
  TROUPE_TRY(const auto inputs, read_inputs(given.inputs, declared_inputs(network)));
  TROUPE_CHECK(check_inputs(network, inputs));

  const auto started = steady_clock::now();
  out.progress("loading " + given.model_file);
  TROUPE_TRY(system on, system::make(given.placement.for_system()));
  load_options options = given.spread.for_loading(given.placement);
  options.planning.in_flight = 1;
  for (const tensor& input : inputs) options.planning.inputs.push_back(input.dims());
  weight_progress moving(out, given.model_file);
  options.on_progress = moving.callback();
  TROUPE_TRY(const model loaded, load_spread(on, given.model_file, network, given.spread, options));
  moving.stop();
  if (given.placement.verbose) print_placement(loaded);
  const auto ready = steady_clock::now();

  out.progress("running");
  std::optional<run_result> first;
  std::uint32_t recoveries = 0;
  for (std::size_t i = 0; i < given.repeat; ++i) {
    TROUPE_TRY(run_result answer, run_once(on, loaded, inputs, given));
    recoveries += answer.recoveries;
    if (!first) {
      first = std::move(answer);
      continue;
    }
    for (std::size_t k = 0; k < first->outputs.size(); ++k)
      if (!bitwise_equal(first->outputs[k], answer.outputs[k]))
        return error(errc::internal,
                     fmt::format("run {} gives another output \"{}\" than the first; please report this", i + 1,
                                 loaded.outputs()[k].name));
  }
  const auto finished = steady_clock::now();
  TROUPE_TRY(const auto files,
             write_outputs(given.output_folder, loaded.outputs(), first->outputs, given.number_outputs));

  const double load_s = seconds(ready - started).count();
  const double run_s = seconds(finished - ready).count() / static_cast<double>(given.repeat);
  json outputs = json::array();
  table shown{{"output", "type", "shape", "file"}, {}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    const tensor& data = first->outputs[i];
    const std::string& name = loaded.outputs()[i].name;
    outputs.push_back({{"name", name},
                       {"type", to_string(data.type())},
                       {"shape", data.dims().extents()},
                       {"file", files[i].string()}});
    shown.rows.push_back({name, std::string(to_string(data.type())), data.dims().to_string(), files[i].string()});
  }
  TROUPE_TRY(const auto parts, loaded.placement());
  out.object({{"outputs", std::move(outputs)},
              {"device", on.default_device().name},
              {"parts", json_of(parts)},
              {"weights_sent_bytes", weights_sent(parts)},
              {"timings", {{"load_s", load_s}, {"run_s", run_s}}},
              {"recoveries", recoveries}});
  out.print(shown);
  out.line("loaded in {:.1f} ms, ran in {:.1f} ms{}", load_s * 1e3, run_s * 1e3,
           recoveries ? fmt::format(", recovered {} times", recoveries) : "");
  return {};
}

}  // namespace

void add_run(program& to) {
  auto given = std::make_shared<run_command>();
  CLI::App& command =
      to.add("run", "Runs a model once on inputs from files", "troupe run model.onnx --input x=x.npy --output-dir out",
             [given](console& out) { return run(*given, out); });
  command.add_option("MODEL,--model", given->model_file, "ONNX file")->required();
  command
      .add_option("--input", given->inputs,
                  "File of one input, .npy or .pb; repeatable. Without NAME in the model's order")
      ->type_name("[NAME=]FILE")
      ->allow_extra_args(false);
  command
      .add_option("--output-dir", given->output_folder, "Folder for NAME.npy of every output; made if it is not there")
      ->type_name("DIR")
      ->required();
  command.add_flag("--number-outputs", given->number_outputs,
                   "Name the files output_0.npy, output_1.npy, ... in the model's order");
  command.add_option("--repeat", given->repeat, "Run this often; fails unless every answer is the same, bit for bit")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--kill-part", given->kills, "Kill the shard of this part during each run; repeatable")
      ->type_name("PART")
      ->allow_extra_args(false);
  given->placement.add_to(command);
  given->spread.add_to(command);
}

}  // namespace troupe::app
