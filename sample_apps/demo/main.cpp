// The demonstration: held-out digits through a pipeline of two shards, then the same while a shard is killed, then the
// same over two further processes of which one is killed. Then a story by a small language model, of which a shard is
// killed in the middle of a sentence. Ends with 1 if any answer differs by a single bit.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <mutex>

#include "digit_run.hpp"
#include "drawing.hpp"
#include "node_process.hpp"
#include "story.hpp"
#include "troupe/troupe.hpp"

namespace troupe::demo {
namespace {

constexpr std::size_t shards = 2;
constexpr std::size_t batch = 8;

struct demo_options {
  std::string program = "troupe";
  std::string models = "sample_apps/models";
  std::string device;
};

std::string words_of(supervision_event_kind kind) {
  switch (kind) {
    case supervision_event_kind::child_up: return "is up";
    case supervision_event_kind::child_down: return "went down";
    case supervision_event_kind::restarting: return "is restarted";
    default: return std::string(to_string(kind));
  }
}

/// What supervisors did, told from their threads.
class event_log {
public:
  std::function<void(const supervision_event&)> listener() {
    return [this](const supervision_event& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
    };
  }
  void show_since(time_point start, const drawing& out) const {
    const std::lock_guard lock(mutex_);
    for (const supervision_event& event : events_)
      if (event.time >= start)
        out.line(fmt::format("   {:7.1f} ms  {} {} {}{}",
                             std::chrono::duration<double, std::milli>(event.time - start).count(), event.supervisor,
                             event.child, words_of(event.kind), event.reason.empty() ? "" : ": " + event.reason));
  }

private:
  mutable std::mutex mutex_;
  std::vector<supervision_event> events_;
};

std::uint32_t restarts_in(const tree_node& at) {
  std::uint32_t restarts = at.restarts;
  for (const tree_node& child : at.children) restarts += restarts_in(child);
  return restarts;
}

void show_devices(drawing& out, const std::vector<device_info>& devices) {
  out.section("Devices of this machine");
  for (const device_info& device : devices)
    out.line(fmt::format("   {}  {} ({}{})", device.index, device.name, device.type,
                         device.driver.empty() ? "" : ", " + device.driver));
}

/// A right answer of each of the first five digits, then what the model got wrong.
void show_digits(const drawing& out, const digit_set& digits, const digit_answers& answers) {
  std::vector<drawing::digit> shown;
  for (const char* wanted : {"0", "2", "3", "5"}) {
    for (std::size_t i = 0; i < digits.labels.size(); ++i) {
      if (digits.labels[i] != wanted || answers.guesses[i] != wanted) continue;
      shown.push_back({digits.pictures[i], fmt::format("seen as {}", answers.guesses[i]), true});
      break;
    }
  }
  for (std::size_t i = 0; i < digits.labels.size() && shown.size() < 5; ++i)
    if (digits.labels[i] != answers.guesses[i])
      shown.push_back({digits.pictures[i], fmt::format("seen as {}", answers.guesses[i]), false});
  out.digits(shown);
}

void show_speed(const drawing& out, const digit_set& digits, const digit_answers& answers) {
  out.line(fmt::format("   {} of {} right ({:.1f} %) in {:.0f} ms, {:.0f} images/s", answers.correct,
                       digits.labels.size(),
                       100.0 * static_cast<double>(answers.correct) / static_cast<double>(digits.labels.size()),
                       answers.seconds * 1e3, static_cast<double>(digits.labels.size()) / answers.seconds));
}

void show_placement(const drawing& out, const model& loaded, const std::string& when = "") {
  const auto placement = loaded.placement();
  if (!placement) return;
  for (const part_placement& part : *placement)
    out.line(fmt::format("   {}part {}: {} operators on {}, {}", when, part.part, part.nodes, part.node, part.device));
}

result<bool> in_one_process(drawing& out, const demo_options& options, const graph& network, const digit_set& digits,
                            digit_answers& undisturbed) {
  event_log log;
  system_options made;
  made.device = options.device;
  made.allow_fault_injection = true;
  made.on_event = log.listener();
  TROUPE_TRY(system on, system::make(std::move(made)));
  TROUPE_TRY(const model loaded, on.load(network, {.shards = shards}));

  out.section(fmt::format("{} digits, a pipeline of {} shards in this process", digits.labels.size(), shards));
  show_placement(out, loaded);
  out.tree(on.tree());
  TROUPE_TRY(undisturbed, classify(loaded, digits, shards + 1));
  show_digits(out, digits, undisturbed);
  show_speed(out, digits, undisturbed);

  out.section("The same digits; a shard is killed in the middle");
  time_point killed;
  TROUPE_TRY(const digit_answers disturbed, classify(loaded, digits, shards + 1, [&]() -> result<void> {
               out.line(fmt::format("   after {} of {} batches: the shard of part 1 is killed",
                                    digits.batches.size() / 2 + 1, digits.batches.size()));
               killed = steady_clock::now();
               return on.kill_part(loaded, 1);
             }));
  log.show_since(killed, out);
  const tree_node tree = on.tree();
  out.tree(tree);
  show_speed(out, digits, disturbed);
  const bool restarted = restarts_in(tree) > 0;
  const bool same = identical(undisturbed, disturbed);
  out.verdict(restarted,
              restarted ? fmt::format("the shard was restarted; {} batches were computed again", disturbed.recoveries)
                        : "the supervision tree shows no restart");
  out.verdict(same, same ? "every score is the same, bit for bit" : "some scores differ from the undisturbed run");
  return restarted && same;
}

result<bool> over_processes(drawing& out, const demo_options& options, const graph& network, const digit_set& digits,
                            const digit_answers& undisturbed) {
  out.section("The same digits over two node processes; one is killed with SIGKILL in the middle");
  TROUPE_TRY(sample::node_process first, sample::node_process::start(options.program, "node-1", options.device));
  TROUPE_TRY(sample::node_process second, sample::node_process::start(options.program, "node-2", options.device));
  event_log log;
  system_options made;
  made.device = options.device;
  made.nodes = {first.address(), second.address()};
  made.on_event = log.listener();
  TROUPE_TRY(system on, system::make(std::move(made)));
  TROUPE_TRY(const model loaded, on.load(network, {.shards = shards}));
  TROUPE_TRY(const auto before, loaded.placement());
  out.line(fmt::format("   node-1 is process {}, node-2 is process {}", first.pid(), second.pid()));
  show_placement(out, loaded, "at first: ");

  const bool second_works =
      std::any_of(before.begin(), before.end(), [](const part_placement& part) { return part.node == "node-2"; });
  sample::node_process& victim = second_works ? second : first;
  time_point killed;
  TROUPE_TRY(const digit_answers disturbed, classify(loaded, digits, shards + 1, [&]() -> result<void> {
               out.line(fmt::format("   after {} of {} batches: process {} ({}) is killed",
                                    digits.batches.size() / 2 + 1, digits.batches.size(), victim.pid(), victim.name()));
               killed = steady_clock::now();
               victim.kill();
               return {};
             }));
  log.show_since(killed, out);
  show_placement(out, loaded, "afterwards: ");
  out.tree(on.tree());
  show_speed(out, digits, disturbed);

  TROUPE_TRY(const auto after, loaded.placement());
  const auto on_victim = [&](const part_placement& part) { return part.node == victim.name(); };
  const bool used = std::any_of(before.begin(), before.end(), on_victim);
  const bool moved = used && std::none_of(after.begin(), after.end(), on_victim);
  const bool same = identical(undisturbed, disturbed);
  out.verdict(moved, moved ? fmt::format("the part of {} moved; {} batches were computed again", victim.name(),
                                         disturbed.recoveries)
                           : fmt::format("no part moved away from {}", victim.name()));
  out.verdict(same, same ? "every score is the same, bit for bit" : "some scores differ from the undisturbed run");
  return moved && same;
}

result<bool> a_story(drawing& out, const demo_options& options, const std::filesystem::path& file) {
  const std::string beginning = "Once upon a time";
  TROUPE_TRY(const storyteller teller, storyteller::read(file));
  event_log log;
  system_options made;
  made.device = options.device;
  made.allow_fault_injection = true;
  made.on_event = log.listener();
  TROUPE_TRY(system on, system::make(std::move(made)));
  TROUPE_TRY(const model loaded, on.load(teller.written.graph, {.shards = shards}));
  out.section(fmt::format("A story by a language model of {:.1f} million parameters, over {} shards",
                          static_cast<double>(teller.written.parameters.elements) / 1e6, shards));
  show_placement(out, loaded);
  TROUPE_TRY(const story whole, teller.tell(loaded, beginning));
  for (const std::string& line : wrapped(whole.text, 76)) out.line("   " + line);
  out.line(fmt::format("   {} tokens in {:.2f} s, {:.0f} a second", whole.tokens.size(), whole.seconds,
                       static_cast<double>(whole.tokens.size()) / whole.seconds));

  out.section("The same story; a shard is killed in the middle of a sentence");
  const std::size_t moment = middle_of_a_sentence(teller, whole);
  time_point killed;
  TROUPE_TRY(const story again,
             teller.tell(loaded, beginning, [&](std::size_t tokens, const std::string& text) -> result<void> {
               if (tokens != moment) return {};
               const auto told = wrapped(text, 76);
               out.line("   ... " + told.back());
               out.line(fmt::format(
                   "   after {} tokens the shard of part 1 is killed, and with it all that it had read", tokens));
               killed = steady_clock::now();
               return on.kill_part(loaded, 1);
             }));
  log.show_since(killed, out);
  out.line("   ... and it went on:");
  for (const std::string& line : wrapped(again.text, 76)) out.line("   " + line);
  const bool recovered = again.recoveries > 0;
  const bool same = whole.tokens == again.tokens;
  out.verdict(recovered, recovered ? fmt::format("the shard came back empty and read the story again ({:.2f} s in all)",
                                                 again.seconds)
                                   : "no shard was lost");
  out.verdict(same, same ? "the story is the same, token for token" : "the story ended differently");
  return recovered && same;
}

result<bool> show(const demo_options& options) {
  drawing out;
  TROUPE_TRY(const auto devices, list_devices());
  show_devices(out, devices);
  const std::filesystem::path models = options.models;
  TROUPE_TRY(const graph network, import_onnx(models / "digits.onnx"));
  TROUPE_TRY(const digit_set digits, digit_set::read(models / "held_out", network, batch));
  digit_answers undisturbed;
  TROUPE_TRY(const bool one_process, in_one_process(out, options, network, digits, undisturbed));
  TROUPE_TRY(const bool processes, over_processes(out, options, network, digits, undisturbed));
  TROUPE_TRY(const bool told, a_story(out, options, models / "stories" / "stories-q8_0.gguf"));
  out.line("");
  const bool good = one_process && processes && told;
  out.verdict(good,
              good ? "Done: nothing that was killed changed an answer." : "Something above is not as it should be.");
  return good;
}

}  // namespace
}  // namespace troupe::demo

int main(int count, char** arguments) {
  troupe::demo::demo_options options;
  CLI::App cli("Shows digits being recognised and a story being told while parts of the system are killed.",
               "troupe_demo");
  cli.add_option("--program", options.program, "The troupe program, for the node processes")->capture_default_str();
  cli.add_option("--models", options.models, "Folder with digits.onnx, held_out/ and stories/")->capture_default_str();
  cli.add_option("--device", options.device, "Device to use; the best if not given");
  CLI11_PARSE(cli, count, arguments);

  const auto good = troupe::demo::show(options);
  if (!good) {
    fmt::print(stderr, "troupe_demo: {}\n", good.error().to_string());
    return 1;
  }
  return *good ? 0 : 1;
}
