// Sessions over a model that is simple enough to predict: it remembers tokens in the pages it is told to, and its
// logits are a hash of everything that the row's pages lead to. A wrong page, position or row changes the answer.
#include "troupe/engine/generation.hpp"

#include <map>
#include <random>
#include <set>

#include "kernels/cached_attention.hpp"
#include "support/check.hpp"
#include "troupe/engine/embedding.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::int64_t vocabulary_size = 61;

std::vector<value_info> inputs_of(std::int64_t sessions, std::int64_t pages) {
  const auto list = [](std::string name, std::string extent) {
    return value_info{std::move(name), dtype::i32, true, std::vector<dimension>{{-1, std::move(extent)}}};
  };
  return {list("tokens", "n"),
          list("positions", "n"),
          list("sequences", "n"),
          {"pages", dtype::i32, true, std::vector<dimension>{{sessions, ""}, {pages, ""}}},
          list("output_rows", "m")};
}

/// Logits after a text.
std::vector<float> logits_after(const std::vector<std::int32_t>& text) {
  std::uint64_t hash = 1469598103934665603u;
  for (const std::int32_t token : text) hash = (hash ^ static_cast<std::uint64_t>(token + 1)) * 1099511628211u;
  std::vector<float> made;
  for (std::int64_t i = 0; i < vocabulary_size; ++i) {
    hash = hash * 6364136223846793005u + 1442695040888963407u;
    made.push_back(static_cast<float>(hash >> 40) / 4194304.0f);
  }
  return made;
}

class hash_model final : public direct_steps {
public:
  explicit hash_model(std::int64_t pages) : memory_(static_cast<std::size_t>(pages * cache_page_positions), -1) {}

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point, const cancellation&) override {
    ++calls;
    if (fails_at.count(calls)) return error(errc::unavailable, "told to fail");
    if (loses_at.count(calls)) {
      memory_.assign(memory_.size(), -1);
      return error(errc::state_lost, "told to forget");
    }
    const auto tokens = inputs[0].as<std::int32_t>(), positions = inputs[1].as<std::int32_t>(),
               sequences = inputs[2].as<std::int32_t>(), pages = inputs[3].as<std::int32_t>(),
               wanted = inputs[4].as<std::int32_t>();
    rows.push_back(tokens.size());
    const auto columns = static_cast<std::size_t>(inputs[3].dims()[1]);
    const auto slot = [&](std::size_t row, std::size_t position) -> std::int32_t& {
      const auto page = static_cast<std::size_t>(
          pages[static_cast<std::size_t>(sequences[row]) * columns + position / cache_page_positions]);
      REQUIRE(page >= 1);
      return memory_[page * cache_page_positions + position % cache_page_positions];
    };
    for (std::size_t row = 0; row < tokens.size(); ++row)
      if (positions[row] >= 0) slot(row, static_cast<std::size_t>(positions[row])) = tokens[row];
    std::vector<float> logits;
    for (const std::int32_t index : wanted) {
      const auto row = static_cast<std::size_t>(index);
      std::vector<std::int32_t> text;
      for (std::int32_t at = 0; at <= positions[row]; ++at) text.push_back(slot(row, static_cast<std::size_t>(at)));
      const auto made = logits_after(text);
      logits.insert(logits.end(), made.begin(), made.end());
    }
    return std::vector{need(tensor::from<float>({static_cast<std::int64_t>(wanted.size()), vocabulary_size}, logits))};
  }

  std::size_t calls = 0;
  std::set<std::size_t> fails_at, loses_at;
  std::vector<std::size_t> rows;

private:
  std::vector<std::int32_t> memory_;
};

/// The same model in several stages: steps that are under way at once, of which one that fails leaves the caches of
/// those behind it without its own rows, and one that is abandoned is made all the same, before any that is begun
/// later. After a loss nothing is made until the loss was told.
class staged_model final : public step_runner {
public:
  staged_model(hash_model& model, std::size_t stages) : model_(model), stages_(stages) {}

  std::size_t stages() const noexcept override { return stages_; }
  void begin(std::vector<tensor> inputs, time_point) override {
    outcomes_.push_back(lost_ ? error(errc::state_lost, "forgotten before") : model_.run(inputs, {}, {}));
    lost_ = lost_ || (!outcomes_.back() && outcomes_.back().error().code() == errc::state_lost);
    most = std::max(most, outcomes_.size());
  }
  result<std::vector<tensor>> collect(time_point, const cancellation&) override {
    REQUIRE(!outcomes_.empty());
    auto made = std::move(outcomes_.front());
    outcomes_.pop_front();
    if (!made && made.error().code() == errc::state_lost) lost_ = false;
    return made;
  }
  void abandon() override { outcomes_.clear(); }

  std::size_t most = 0;

private:
  hash_model& model_;
  std::size_t stages_;
  bool lost_ = false;
  std::deque<result<std::vector<tensor>>> outcomes_;
};

time_point soon() {
  return steady_clock::now() + std::chrono::seconds(60);
}

/// What a session must say: one token after another, from the whole text.
std::vector<token_id> alone(std::vector<token_id> text, const session_options& options) {
  const sampler choice = need(sampler::make(options.sampling));
  const std::size_t prompt = text.size();
  for (std::size_t i = 0; i < options.tokens_max; ++i) {
    text.push_back(need(choice.choose(logits_after(text), text, text.size())).token);
    if (std::count(options.end_tokens.begin(), options.end_tokens.end(), text.back())) break;
  }
  return {text.begin() + static_cast<std::ptrdiff_t>(prompt), text.end()};
}

struct conversation {
  std::vector<token_id> prompt;
  session_options options;
};

std::vector<conversation> conversations(std::uint32_t seed, std::size_t count, std::size_t length) {
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
  std::vector<token_id> shared;
  for (std::size_t i = 0; i < 40; ++i) shared.push_back(static_cast<token_id>(pick(vocabulary_size - 1)));
  std::vector<conversation> made(count);
  for (conversation& each : made) {
    // Many prompts begin alike.
    each.prompt.assign(shared.begin(), shared.begin() + static_cast<std::ptrdiff_t>(pick(1) ? pick(40) : 0));
    for (std::size_t i = 1 + pick(length); i > 0; --i)
      each.prompt.push_back(static_cast<token_id>(pick(vocabulary_size - 1)));
    each.options.tokens_max = 1 + pick(30);
    each.options.sampling.temperature = pick(1) ? 1.0 : 0.0;
    each.options.sampling.repetition_penalty = 1.1;
    each.options.sampling.seed = pick(1000);
    if (pick(1)) each.options.end_tokens = {static_cast<token_id>(pick(vocabulary_size - 1))};
  }
  return made;
}

/// Runs all conversations at once, new ones joining as it goes; what each got.
std::vector<std::vector<token_id>> run_all(generator& made, const std::vector<conversation>& all, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::map<session_id, std::size_t> index;
  std::vector<std::vector<token_id>> got(all.size());
  std::size_t next = 0, rounds = 0;
  while (next < all.size() || !made.idle()) {
    REQUIRE(++rounds < 100000);
    if (next < all.size() && (made.idle() || random() % 3 == 0)) {
      index.emplace(need(made.add(all[next].prompt, all[next].options)), next);
      ++next;
    }
    const auto outputs = made.step(soon());
    if (!outputs) {
      REQUIRE(outputs.error().code() == errc::unavailable);
      continue;
    }
    for (const session_output& output : *outputs) {
      REQUIRE(output.finished != finish_reason::failed);
      if (output.token) got[index.at(output.session)].push_back(output.token->token);
    }
  }
  return got;
}

}  // namespace

TEST_CASE("every session says what it would say alone") {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    const auto all = conversations(seed, 25, 70);
    hash_model model(60);
    generator made = need(generator::make(
        inputs_of(5, 10), model, {.cache_pages = 60, .rows_max = seed % 3 == 0 ? std::size_t{7} : std::size_t{48}}));
    const auto got = run_all(made, all, seed);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(got[i] == alone(all[i].prompt, all[i].options));
    CHECK(made.stats().pages_available == 59);
    CHECK(made.stats().reused_tokens > 0);
  }
}

TEST_CASE("steps that fail and caches that are lost change no token") {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    const auto all = conversations(seed, 12, 50);
    hash_model model(40);
    std::mt19937 random(seed);
    for (std::size_t call = 1; call < 3000; ++call) {
      if (random() % 20 == 0) model.fails_at.insert(call);
      if (random() % 20 == 1) model.loses_at.insert(call);
    }
    generator made = need(generator::make(inputs_of(3, 9), model, {.cache_pages = 40, .rows_max = 16}));
    const auto got = run_all(made, all, seed);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(got[i] == alone(all[i].prompt, all[i].options));
    CHECK(made.stats().recoveries > 0);
  }
}

TEST_CASE("steps that are under way at once change no token, also when they fail and caches are lost") {
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    INFO("seed " << seed);
    const auto all = conversations(seed, 12, 85);
    hash_model model(40);
    std::mt19937 random(seed);
    for (std::size_t call = 1; call < 3000 && seed % 2 == 0; ++call) {
      if (random() % 20 == 0) model.fails_at.insert(call);
      if (random() % 20 == 1) model.loses_at.insert(call);
    }
    staged_model staged(model, 1 + seed % 3);
    generator made = need(generator::make(inputs_of(3, 10), staged, {.cache_pages = 40, .rows_max = 16}));
    const auto got = run_all(made, all, seed);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(got[i] == alone(all[i].prompt, all[i].options));
    CHECK(staged.most == (seed % 3 == 0 ? 1 : 2 + seed % 3));
    CHECK(made.stats().pages_available == 39);
  }
}

TEST_CASE("a session that is removed while its steps are under way leaves its room to others") {
  hash_model model(8);
  staged_model staged(model, 2);
  generator made = need(generator::make(inputs_of(2, 4), staged, {.cache_pages = 8, .rows_max = 8}));
  const conversation stays{{3, 1, 4}, {.tokens_max = 20}}, comes{std::vector<token_id>(40, 9), {.tokens_max = 9}};
  need(made.add(stays.prompt, stays.options));
  const auto leaves = need(made.add(std::vector<token_id>(60, 5), {.tokens_max = 1}));
  std::vector<token_id> got = {}, later = {};
  const auto step = [&] {
    for (const auto& output : need(made.step(soon())))
      if (output.token) (output.session == 1 ? got : later).push_back(output.token->token);
  };
  step();
  made.remove(leaves);
  need(made.add(comes.prompt, comes.options));
  while (!made.idle()) step();
  CHECK(got == alone(stays.prompt, stays.options));
  CHECK(later == alone(comes.prompt, comes.options));
}

TEST_CASE("a session ends at the end of its context, and says so") {
  hash_model model(10);
  generator made = need(generator::make(inputs_of(2, 2), model, {.cache_pages = 10}));
  CHECK(made.context() == 32);
  REQUIRE(made.add(std::vector<token_id>(30, 5), {.tokens_max = 100}));
  std::vector<finish_reason> reasons;
  while (!made.idle())
    for (const auto& output : need(made.step(soon()))) reasons.push_back(output.finished);
  // The 32 positions hold all but the last of 33 tokens.
  CHECK(reasons == std::vector<finish_reason>{finish_reason::none, finish_reason::none, finish_reason::context});
  const auto refused = made.add(std::vector<token_id>(33, 5), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("33 tokens") != std::string::npos);
  CHECK_FALSE(made.add({}, {}));
  CHECK_FALSE(made.add({-1}, {}));
}

TEST_CASE("a session of which the cache is too small for is refused, and others wait for their turn") {
  hash_model model(4);
  generator made = need(generator::make(inputs_of(4, 8), model, {.cache_pages = 4, .waiting_max = 2}));
  CHECK_FALSE(made.add(std::vector<token_id>(20, 1), {.tokens_max = 60}));
  REQUIRE(made.add(std::vector<token_id>(20, 1), {.tokens_max = 20}));  // all three pages
  need(made.step(soon()));
  REQUIRE(made.add(std::vector<token_id>(20, 2), {.tokens_max = 2}));
  need(made.step(soon()));
  CHECK(made.stats().active == 1);
  CHECK(made.stats().waiting == 1);
  REQUIRE(made.add({1}, {.tokens_max = 1}));
  CHECK(made.add({1}, {.tokens_max = 1}).error().code() == errc::unavailable);
  std::size_t rounds = 0;
  while (!made.idle() && ++rounds < 1000) need(made.step(soon()));
  CHECK(made.idle());
}

TEST_CASE("a removed session leaves its room to others") {
  hash_model model(20);
  generator made = need(generator::make(inputs_of(1, 4), model, {.cache_pages = 20}));
  const auto first = need(made.add({1, 2, 3}, {})), second = need(made.add({4}, {.tokens_max = 1}));
  need(made.step(soon()));
  CHECK(made.tokens(first).size() == 4);
  made.remove(first);
  CHECK(made.tokens(first).empty());
  CHECK(need(made.step(soon())).at(0).session == second);
  made.remove(99);
  CHECK(made.idle());
}

TEST_CASE("the prompt is scored token by token, however it is cut") {
  std::vector<token_id> prompt;
  for (token_id i = 0; i < 50; ++i) prompt.push_back(i * 7 % vocabulary_size);
  std::vector<std::vector<double>> scores;
  for (const std::size_t rows : {std::size_t{128}, std::size_t{9}, std::size_t{1}}) {
    hash_model model(20);
    generator made = need(generator::make(inputs_of(1, 4), model, {.cache_pages = 20, .rows_max = rows}));
    REQUIRE(made.add(prompt, {.tokens_max = 0, .scores_prompt = true}));
    if (rows == 9) model.loses_at = {2, 5};  // what was given once is not given again
    std::vector<double>& got = scores.emplace_back();
    while (!made.idle())
      for (const auto& output : need(made.step(soon())))
        got.insert(got.end(), output.prompt_log_probabilities.begin(), output.prompt_log_probabilities.end());
    REQUIRE(got.size() == prompt.size() - 1);
    CHECK(got == scores.front());
  }
  const auto logits = logits_after({prompt.begin(), prompt.begin() + 10});
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  CHECK(std::abs(scores[0][9] - (logits[static_cast<std::size_t>(prompt[10])] - std::log(sum))) < 1e-9);
}

TEST_CASE("caches that are lost when there is no time left are made again by the next step") {
  hash_model model(20);
  model.loses_at = {4};
  generator made = need(generator::make(inputs_of(1, 4), model, {.cache_pages = 20, .vocabulary = vocabulary_size}));
  CHECK_FALSE(made.add({vocabulary_size}, {}));
  const conversation one{{3, 1, 4, 1, 5}, {.tokens_max = 12}};
  REQUIRE(made.add(one.prompt, one.options));
  std::vector<token_id> got;
  std::size_t lost = 0;
  while (!made.idle()) {
    const auto outputs = made.step(steady_clock::now() + (model.calls == 3 ? -1 : 1) * std::chrono::seconds(60));
    if (!outputs) {
      CHECK(outputs.error().code() == errc::state_lost);
      REQUIRE(++lost < 3);
      continue;
    }
    for (const session_output& output : *outputs) got.push_back(output.token->token);
  }
  CHECK(lost == 1);
  CHECK(got == alone(one.prompt, one.options));
}

TEST_CASE("a model that is no language model is refused") {
  hash_model model(4);
  auto inputs = inputs_of(1, 4);
  inputs.pop_back();
  const auto refused = generator::make(inputs, model, {.cache_pages = 4});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("output_rows") != std::string::npos);
}

TEST_CASE("the embedding of a text is its last row, or the mean of all") {
  std::vector<token_id> text;
  for (token_id i = 0; i < 150; ++i) text.push_back(i * 11 % vocabulary_size);
  hash_model model(20);
  const auto inputs = inputs_of(1, 10);
  const auto last = need(embed(inputs, model, text, pooling::last, soon()));
  CHECK(last == logits_after(text));
  model.loses_at = {model.calls + 2};  // between its two steps
  const auto mean = need(embed(inputs, model, text, pooling::mean, soon()));
  std::vector<double> sums(vocabulary_size, 0.0);
  for (std::size_t length = 1; length <= text.size(); ++length) {
    const auto row = logits_after({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length)});
    for (std::size_t i = 0; i < row.size(); ++i) sums[i] += row[i];
  }
  REQUIRE(mean.size() == sums.size());
  for (std::size_t i = 0; i < mean.size(); ++i) CHECK(mean[i] == static_cast<float>(sums[i] / 150.0));
  CHECK_FALSE(embed(inputs, model, {}, pooling::mean, soon()));
  CHECK_FALSE(embed(inputs, model, std::vector<token_id>(161, 1), pooling::mean, soon()));
}
