// Sessions of real language models over supervised shards: each says what it says alone, bit for bit, whatever the
// number of shards, beside whom, however its prompt is cut, and whatever is lost on the way.
#include <map>

#include "support/llm_fixtures.hpp"
#include "support/tiny_model.hpp"
#include "troupe/engine/language_model.hpp"
#include "troupe/model_steps.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t tokens_wanted = 24;

/// What a session was asked, and what it said.
struct talk {
  std::vector<token_id> prompt;
  sampling_options sampling;
  std::vector<token_id> tokens;
  std::vector<float> logits;
};

system_options fragile() {
  system_options made;
  made.allow_fault_injection = true;
  made.restarts = {1000, 20ms};  // a short window: many losses in a row must not slow restarts down
  return made;
}

/// The reference device keeps a row's bits over cuts in fp32 only, which is what it computes with.
load_options spread_over(const troupe::system& host, std::size_t shards) {
  load_options made;
  made.shards = shards;
  if (host.default_device().kind == device_kind::reference) made.storage = dtype::f32;
  return made;
}

std::vector<talk> talks(std::size_t count, std::int64_t vocabulary, std::uint64_t seed) {
  random_source random(seed);
  std::vector<talk> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = static_cast<std::size_t>(random.uniform(1, 50));
    for (std::size_t at = 0; at < length; ++at)
      made[i].prompt.push_back(static_cast<token_id>(random.uniform(3, static_cast<float>(vocabulary) - 0.5f)));
    made[i].sampling.temperature = i % 3 == 0 ? 0.0 : 1.0;
    made[i].sampling.seed = i;
  }
  return made;
}

void take(const session_output& output, talk& said) {
  if (output.failure) FAIL(output.failure->to_string());
  if (!output.token) return;
  said.tokens.push_back(output.token->token);
  said.logits.insert(said.logits.end(), output.logits.begin(), output.logits.end());
}

/// Runs all of `asked` at once, in steps of at most `rows` rows. `before_step` may do harm.
template <class BeforeStep>
void hold(const model& on, std::int64_t cache_pages, std::vector<talk>& asked, std::size_t rows,
          BeforeStep before_step) {
  model_steps steps(on);
  generator sessions = need(generator::make(on.inputs(), steps, {.cache_pages = cache_pages, .rows_max = rows}));
  std::map<session_id, talk*> who;
  for (talk& each : asked) {
    each.tokens.clear();
    each.logits.clear();
    session_options options;
    options.tokens_max = tokens_wanted;
    options.sampling = each.sampling;
    options.wants_logits = true;
    who[need(sessions.add(each.prompt, options))] = &each;
  }
  while (!sessions.idle()) {
    before_step(sessions);
    for (const session_output& output : need(sessions.step(steady_clock::now() + 120s)))
      take(output, *who.at(output.session));
  }
}

void hold(const model& on, std::int64_t cache_pages, std::vector<talk>& asked, std::size_t rows = 128) {
  hold(on, cache_pages, asked, rows, [](const generator&) {});
}

void check_same(const talk& said, const talk& expected) {
  CHECK(said.tokens.size() == tokens_wanted);
  CHECK(said.tokens == expected.tokens);
  CHECK(said.logits == expected.logits);
}

/// Each by itself, on one shard.
std::vector<talk> alone(troupe::system& host, const language_model& model_file, std::vector<talk> asked) {
  const model loaded = need(host.load(model_file.graph, spread_over(host, 1)));
  for (talk& each : asked) {
    std::vector<talk> one{each};
    hold(loaded, model_file.cache_pages, one);
    each = one.front();
  }
  return asked;
}

language_model tiny(const tiny_model& how, std::int64_t sessions) {
  return need(build_language_model(open_tiny(how.build()), {.sessions = sessions, .context = 96}));
}

/// Models whose steps differ: products of floats and of blocks, experts, windows.
std::vector<tiny_model> kinds() {
  return {{.architecture = "llama", .format = block_format::q8_0, .seed = 2},
          {.architecture = "llama",
           .format = block_format::q4_k,
           .seed = 11,
           .width = 256,
           .head_size = 64,
           .feed_forward = 256},
          {.architecture = "llama", .seed = 3, .experts = 4, .experts_used = 2},
          {.architecture = "gemma2", .seed = 8, .post_norms = true, .tied = true}};
}

/// Shards, and rows of a step.
using spread = std::pair<std::size_t, std::size_t>;

void check_crowd(const language_model& file, std::uint64_t seed, const std::vector<spread>& spreads) {
  auto host = need(troupe::system::make(fragile()));
  const auto expected = alone(host, file, talks(16, file.parameters.vocabulary, seed));
  for (const auto& [shards, rows] : spreads) {
    INFO(shards << " shards, steps of " << rows << " rows");
    const model loaded = need(host.load(file.graph, spread_over(host, shards)));
    auto together = expected;
    hold(loaded, file.cache_pages, together, rows);
    for (std::size_t i = 0; i < together.size(); ++i) {
      INFO("session " << i);
      check_same(together[i], expected[i]);
    }
  }
}

void check_kills(const language_model& file, std::uint64_t seed, int kills) {
  auto host = need(troupe::system::make(fragile()));
  const auto expected = alone(host, file, talks(2, file.parameters.vocabulary, seed));
  const model loaded = need(host.load(file.graph, spread_over(host, 2)));
  random_source random(seed);
  for (int kill = 0; kill < kills; ++kill) {
    const auto at = static_cast<std::size_t>(random.uniform(1, static_cast<float>(tokens_wanted) - 0.5f));
    const auto part = static_cast<std::uint32_t>(kill % 2);
    INFO("seed " << seed << ", kill " << kill << " of part " << part << " before step " << at);
    std::size_t step = 0;
    std::uint64_t recoveries = 0;
    auto disturbed = expected;
    hold(loaded, file.cache_pages, disturbed, 128, [&](const generator& sessions) {
      recoveries = sessions.stats().recoveries;
      if (step++ == at) need(host.kill_part(loaded, part));
    });
    CHECK(recoveries + (at + 1 >= step) >= 1);  // a loss before the last step is counted after this was looked at
    for (std::size_t i = 0; i < disturbed.size(); ++i) check_same(disturbed[i], expected[i]);
  }
}

}  // namespace

TEST_CASE("sixteen sessions say what each says alone, on one, two and three shards, in steps of any size",
          "[language]") {
  std::uint64_t seed = 100;
  for (const tiny_model& how : kinds()) {
    INFO(how.architecture << " " << how.seed);
    check_crowd(tiny(how, 16), ++seed, {{1, 19}, {2, 128}, {3, 50}});
  }
}

TEST_CASE("a shard killed at 32 random moments of a text changes none of its bits", "[language]") {
  check_kills(tiny(kinds()[0], 2), 200, 32);
  check_kills(tiny(kinds()[3], 2), 201, 4);
}

TEST_CASE("the reference's models say the same alone, together, cut and after kills", "[language][fixtures]") {
  const auto folder = fixtures("models");
  if (!folder) return;
  std::uint64_t seed = 300;
  for (const auto& described : json_files(*folder)) {
    const std::string name = read_json(described)["model"];
    INFO(name);
    const auto load = [&](std::int64_t sessions) {
      return need(load_language_model(*folder / name, {.sessions = sessions, .context = 96}));
    };
    check_crowd(load(16), ++seed, {{2, 50}});
    check_kills(load(2), seed, 2);
  }
}
