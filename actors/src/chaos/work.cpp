#include "work.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "counted_random.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/language_model.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/operators.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/model_steps.hpp"

namespace troupe::chaos {
namespace {

constexpr std::uint32_t prompt_tokens = 5;
/// The extent of a batch where a model leaves it open.
constexpr std::int64_t open_batch = 4;
/// So that whoever waits hears of other wishes.
constexpr std::chrono::milliseconds wait_slice{20};

// --- language models -------------------------------------------------------------------------------------------------

class language_run final : public work_run {
public:
  static result<std::unique_ptr<work_run>> begin(const language_model& read, const model& on, const workload& work,
                                                 std::uint64_t seed) {
    std::unique_ptr<language_run> made(new language_run(on));
    TROUPE_TRY(generator sessions,
               generator::make(on.inputs(), made->steps_,
                               {.cache_pages = read.cache_pages, .vocabulary = read.parameters.vocabulary}));
    made->sessions_.emplace(std::move(sessions));
    for (std::uint32_t request = 0; request < work.requests; ++request) {
      std::vector<token_id> prompt;
      for (std::uint32_t i = 0; i < prompt_tokens; ++i)
        prompt.push_back(static_cast<token_id>(
            random_below(static_cast<std::uint64_t>(read.parameters.vocabulary), seed, request, i)));
      session_options options{.tokens_max = work.tokens};
      // Not the likeliest token: that would often be the same one after a wrong computation too.
      options.sampling.temperature = 1;
      options.sampling.seed = random_at(seed, request, prompt_tokens);
      TROUPE_TRY(const session_id id, made->sessions_->add(std::move(prompt), std::move(options)));
      made->ids_.push_back(id);
    }
    return std::unique_ptr<work_run>(std::move(made));
  }

  void next(time_point deadline, std::vector<answer>& answers, std::vector<request_end>& ends) override {
    auto outputs = sessions_->step(deadline);
    if (!outputs) {
      for (std::uint32_t request = 0; request < ids_.size(); ++request)
        if (!sessions_->tokens(ids_[request]).empty()) ends.push_back({request, outputs.error()});
      return;
    }
    for (session_output& each : *outputs) {
      const auto request = static_cast<std::uint32_t>(std::find(ids_.begin(), ids_.end(), each.session) - ids_.begin());
      if (each.token) answers.push_back({request, static_cast<std::uint64_t>(each.token->token)});
      if (each.finished != finish_reason::none) ends.push_back({request, std::move(each.failure)});
    }
  }

  bool cancel_last() override {
    if (sessions_->tokens(ids_.back()).empty()) return false;
    sessions_->remove(ids_.back());
    return true;
  }
  std::size_t flood(std::size_t) override { return 0; }
  std::size_t open_extras() const override { return 0; }
  std::uint64_t recoveries() const override { return steps_.recoveries(); }

private:
  explicit language_run(const model& on) : steps_(on) {}

  model_steps steps_;
  std::optional<generator> sessions_;
  std::vector<session_id> ids_;
};

class language_work final : public work_source {
public:
  explicit language_work(language_model read) : read_(std::move(read)) {}
  const graph& network() const override { return read_.graph; }
  result<std::unique_ptr<work_run>> begin(const model& on, const workload& work, std::uint64_t seed) const override {
    return language_run::begin(read_, on, work, seed);
  }

private:
  language_model read_;
};

// --- other networks --------------------------------------------------------------------------------------------------

/// FNV-1a.
std::uint64_t hash_of(const std::vector<tensor>& outputs) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const tensor& each : outputs)
    for (const std::byte byte : each.bytes()) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3u;
  return hash;
}

/// Answers that come from actor threads.
struct arrivals {
  struct one {
    std::uint32_t request;
    bool extra;
    result<run_result> outcome;
  };
  std::mutex mutex;
  std::condition_variable came;
  std::deque<one> all;
};

class plain_run final : public work_run {
public:
  plain_run(const graph& network, const model& on, const workload& work, std::uint64_t seed)
      : network_(network), on_(on), work_(work), seed_(seed), requests_(work.requests) {
    for (std::uint32_t request = 0; request < work.requests; ++request) submit(request, false);
  }

  void next(time_point deadline, std::vector<answer>& answers, std::vector<request_end>& ends) override {
    for (; !refused_.empty(); refused_.pop_back()) ends.push_back({refused_.back().first, refused_.back().second});
    std::unique_lock held(arrived_->mutex);
    if (!arrived_->came.wait_until(held, std::min(deadline, steady_clock::now() + wait_slice),
                                   [&] { return !arrived_->all.empty(); }))
      return;
    arrivals::one each = std::move(arrived_->all.front());
    arrived_->all.pop_front();
    held.unlock();
    if (each.extra) {
      --extras_;
      return;
    }
    progress& of = requests_[each.request];
    if (of.cancelled) return;
    if (!each.outcome) return ends.push_back({each.request, std::move(each.outcome).error()});
    recoveries_ += each.outcome->recoveries;
    answers.push_back({each.request, hash_of(each.outcome->outputs)});
    if (++of.done == work_.tokens) return ends.push_back({each.request, std::nullopt});
    submit(each.request, false);
  }

  bool cancel_last() override {
    progress& last = requests_.back();
    if (last.cancelled || last.done == work_.tokens) return false;
    last.cancelled = true;
    on_.cancel(last.id);
    return true;
  }

  std::size_t flood(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) submit(static_cast<std::uint32_t>(i % requests_.size()), true);
    extras_ += count;
    return count;
  }
  std::size_t open_extras() const override { return extras_; }

  std::uint64_t recoveries() const override { return recoveries_; }

private:
  struct progress {
    std::uint32_t done = 0;
    run_id id = 0;
    bool cancelled = false;
  };

  void submit(std::uint32_t request, bool extra) {
    progress& of = requests_[request];
    auto made = inputs(request, of.done);
    if (!made) {
      refused_.emplace_back(request, made.error());
      return;
    }
    const auto id = on_.submit(std::move(*made), {.deadline = work_.deadline},
                               [arrived = arrived_, request, extra](result<run_result> outcome) {
                                 const std::lock_guard held(arrived->mutex);
                                 arrived->all.push_back({request, extra, std::move(outcome)});
                                 arrived->came.notify_one();
                               });
    if (!extra) of.id = id;
  }

  result<std::vector<tensor>> inputs(std::uint32_t request, std::uint32_t index) const {
    std::vector<tensor> made;
    for (const value_id id : network_.inputs) {
      const value_info& input = network_.values[id];
      std::vector<std::int64_t> extents;
      for (const dimension& each : input.dims.value_or(std::vector<dimension>{}))
        extents.push_back(each.extent >= 0 ? each.extent : extents.empty() ? open_batch : 1);
      TROUPE_TRY(const shape dims, shape::make(extents));
      if (input.type_known && !is_float(input.type)) {
        TROUPE_TRY(tensor zeros, tensor::make(input.type, dims));
        made.push_back(std::move(zeros));
        continue;
      }
      TROUPE_TRY(tensor values, tensor::make(dtype::f32, dims));
      std::uint64_t state = random_at(seed_, request, (std::uint64_t{index} << 16) + made.size());
      for (float& each : values.as_mutable<float>()) each = static_cast<float>(next_random(state) >> 40) * 0x1p-24f;
      if (input.type_known) {
        TROUPE_TRY(values, convert(values, input.type));
      }
      made.push_back(std::move(values));
    }
    return made;
  }

  const graph& network_;
  const model on_;
  const workload work_;
  const std::uint64_t seed_;
  std::vector<progress> requests_;
  std::vector<std::pair<std::uint32_t, error>> refused_;
  std::uint64_t recoveries_ = 0;
  std::size_t extras_ = 0;
  std::shared_ptr<arrivals> arrived_ = std::make_shared<arrivals>();
};

class plain_work final : public work_source {
public:
  explicit plain_work(graph network) : network_(std::move(network)) {}
  const graph& network() const override { return network_; }
  result<std::unique_ptr<work_run>> begin(const model& on, const workload& work, std::uint64_t seed) const override {
    return std::unique_ptr<work_run>(std::make_unique<plain_run>(network_, on, work, seed));
  }

private:
  graph network_;
};

/// Layers of x [rows, 32] -> relu(x w): enough of them for every node of a cluster to have some.
result<graph> built_in_network() {
  constexpr std::int64_t width = 32;
  constexpr std::size_t layers = 16;
  graph made;
  value_id x = made.add_value({"x", dtype::f32, true, std::vector<dimension>{{-1, "rows"}, {width, ""}}});
  made.inputs.push_back(x);
  const auto step = [&](const char* op, const std::string& name, std::vector<value_id> operands) {
    node added{op, "", name, 13, std::move(operands), {}, {}};
    added.outputs = {made.add_value({name, dtype::f32, true, std::nullopt})};
    made.nodes.push_back(std::move(added));
    return made.nodes.back().outputs[0];
  };
  std::uint64_t random = 1;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const shape dims{width, width};
    TROUPE_TRY(tensor weights, tensor::make(dtype::f32, dims));
    for (float& each : weights.as_mutable<float>())
      each = static_cast<float>(next_random(random) >> 40) * 0x1p-25f - 0.2f;
    const value_id w = made.add_constant(fmt::format("w{}", layer), std::move(weights));
    x = step("Relu", fmt::format("x{}", layer), {step("MatMul", fmt::format("xw{}", layer), {x, w})});
  }
  made.outputs = {x};
  TROUPE_CHECK(validate(made));
  return made;
}

}  // namespace

result<std::unique_ptr<work_source>> open_work(const std::string& file, std::uint32_t requests) {
  if (file.empty()) {
    TROUPE_TRY(graph network, built_in_network());
    return std::unique_ptr<work_source>(std::make_unique<plain_work>(std::move(network)));
  }
  if (file.ends_with(".gguf")) {
    TROUPE_TRY(language_model read, load_language_model(file, {.sessions = requests}));
    return std::unique_ptr<work_source>(std::make_unique<language_work>(std::move(read)));
  }
  TROUPE_TRY(graph network, import_onnx(file));
  TROUPE_CHECK(check_operators(network, builtin_operators()).while_doing(file));
  return std::unique_ptr<work_source>(std::make_unique<plain_work>(std::move(network)));
}

}  // namespace troupe::chaos
