#include <algorithm>
#include <cmath>
#include <limits>
#include <list>

#include "generation/session.hpp"
#include "generation/step_inputs.hpp"
#include "generation/step_plan.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

double log_probability(std::span<const float> logits, token_id token) {
  if (static_cast<std::size_t>(token) >= logits.size()) return -std::numeric_limits<double>::infinity();
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return logits[static_cast<std::size_t>(token)] - largest - std::log(sum);
}

/// What one session has in a step that is under way. The session may be gone by the time the step is made.
struct part_of_step {
  session_id owner = 0;
  std::size_t count = 0;
  std::vector<std::size_t> scored;        ///< rows of the result that predict the prompt's next tokens, in order
  std::size_t first_scored = 0;           ///< which token of the prompt the first of them predicts
  std::optional<std::size_t> next_token;  ///< row of the result that predicts a new token
};
using step_under_way = std::vector<part_of_step>;

}  // namespace

struct generator::state {
  step_layout layout;
  step_runner* runner;
  generator_options options;
  page_pool pool;
  std::list<session> active;  ///< in the order in which `plan_step` serves them
  std::list<session> waiting;
  std::vector<bool> sequences;  ///< rows of the page table that are taken
  session_id last_id = 0;
  generator_stats counts;
  std::deque<step_under_way> under_way = {};  ///< that the runner has, oldest first

  ~state() { runner->abandon(); }

  std::size_t context() const { return static_cast<std::size_t>(layout.session_pages * cache_page_positions); }

  void admit() {
    while (!waiting.empty()) {
      session& next = waiting.front();
      const auto free = std::find(sequences.begin(), sequences.end(), false);
      if (free == sequences.end() || pool.available() < next.pages_needed()) return;
      reuse(next);
      while (next.pages.size() < next.pages_needed()) next.pages.push_back(*pool.take());
      *free = true;
      next.sequence = free - sequences.begin();
      active.splice(active.end(), waiting, waiting.begin());
    }
  }

  /// Takes the pages that hold the beginning of the prompt already. Its last token is computed in any case: what comes
  /// after it is the point.
  void reuse(session& next) {
    const std::span<const token_id> prompt(next.tokens);
    // What is scored must be computed.
    if (next.options.scores_prompt) return;
    while (next.computed + cache_page_positions < prompt.size()) {
      const auto known = pool.find(next.text, prompt.subspan(next.computed, cache_page_positions));
      if (!known) break;
      next.pages.push_back(known->which);
      next.text = known->after;
      next.computed += cache_page_positions;
    }
    next.begun = next.computed;
    next.remembered = next.pages.size();
    counts.reused_tokens += next.computed;
  }

  void end(std::list<session>::iterator which) {
    // Last to first: what is released first goes first, and a text without its beginning is of no use.
    for (auto page = which->pages.rbegin(); page != which->pages.rend(); ++page) pool.release(*page);
    sequences[static_cast<std::size_t>(which->sequence)] = false;
    active.erase(which);
  }

  /// As many as keep every stage busy.
  result<void> begin_steps(time_point deadline) {
    const std::size_t stages = runner->stages();
    while (under_way.size() < steps_at_once(stages)) {
      const std::vector<row_share> shares = plan_step(active, options.rows_max, stages);
      if (shares.empty()) break;
      step_inputs inputs(layout);
      step_under_way begun;
      for (const row_share& share : shares) begun.push_back(add_rows(share, inputs));
      under_way.push_back(std::move(begun));
      counts.rows += inputs.rows();
      ++counts.steps;
      TROUPE_TRY(auto operands, inputs.finish());
      runner->begin(std::move(operands), deadline);
    }
    return {};
  }

  part_of_step add_rows(const row_share& share, step_inputs& inputs) {
    const session& from = *share.owner;
    part_of_step part{.owner = from.id, .count = share.count, .scored = {}, .next_token = {}};
    inputs.set_pages(from.sequence, from.pages);
    for (std::size_t at = share.first; at < share.first + share.count; ++at) {
      inputs.add_row(from.tokens[at], static_cast<std::int32_t>(at), static_cast<std::int32_t>(from.sequence));
      if (at + 1 == from.tokens.size()) {
        if (from.options.tokens_max > 0) part.next_token = inputs.want_logits();
      } else if (from.options.scores_prompt && at + 1 < from.prompt_size && at + 1 >= from.scored) {
        if (part.scored.empty()) part.first_scored = at + 1;
        part.scored.push_back(inputs.want_logits());
      }
    }
    return part;
  }

  /// What the steps under way were to leave in the caches has to be computed again.
  void abandon() {
    runner->abandon();
    under_way.clear();
    for (session& each : active) each.begun = each.computed;
  }

  /// The caches are empty: everything is computed again, from tokens that are known. What the pages of a text hold is
  /// found anew.
  void lose_caches() {
    pool.forget_contents();
    for (session& each : active) {
      each.computed = each.begun = 0;
      each.text = 0;
      each.remembered = 0;
    }
    ++counts.recoveries;
  }

  session_output conclude(session& from, const part_of_step& part, std::span<const float> logits, std::size_t width) {
    session_output made;
    made.session = from.id;
    const auto row = [&](std::size_t index) { return logits.subspan(index * width, width); };
    const auto of_prompt = [&] { return std::min(from.computed, from.prompt_size); };
    const std::size_t before = of_prompt();
    from.computed += part.count;
    counts.prompt_tokens += of_prompt() - before;
    remember_pages(from);
    for (std::size_t i = 0; i < part.scored.size(); ++i)
      made.prompt_log_probabilities.push_back(log_probability(row(part.scored[i]), from.tokens[part.first_scored + i]));
    if (!part.scored.empty()) from.scored = part.first_scored + part.scored.size();
    if (from.remaining() > 0) return made;
    if (!part.next_token) {
      made.finished = finish_reason::length;
      return made;
    }
    auto chosen = from.choice.choose(row(*part.next_token), from.tokens, from.tokens.size());
    if (!chosen) {
      made.finished = finish_reason::failed;
      made.failure = std::move(chosen).error();
      return made;
    }
    made.token = std::move(chosen).value();
    if (from.options.wants_logits) made.logits.assign(row(*part.next_token).begin(), row(*part.next_token).end());
    from.tokens.push_back(made.token->token);
    made.finished = finished(from);
    return made;
  }

  /// What the oldest step under way gives its sessions.
  result<std::vector<session_output>> take(std::span<const tensor> outputs) {
    const step_under_way made = std::move(under_way.front());
    under_way.pop_front();
    std::size_t wanted = 0;
    for (const part_of_step& part : made) wanted += part.scored.size() + (part.next_token ? 1 : 0);
    if (outputs.empty() || outputs[0].type() != dtype::f32 || outputs[0].dims().rank() != 2 ||
        outputs[0].dims()[0] < static_cast<std::int64_t>(wanted) || outputs[0].dims()[1] < 1) {
      abandon();
      return fail(errc::internal, "the model gives no logits");
    }
    std::vector<session_output> given;
    for (const part_of_step& part : made) {
      const auto owner =
          std::find_if(active.begin(), active.end(), [&](const session& each) { return each.id == part.owner; });
      if (owner == active.end()) continue;  // removed meanwhile
      session_output output =
          conclude(*owner, part, outputs[0].as<float>(), static_cast<std::size_t>(outputs[0].dims()[1]));
      if (output.finished != finish_reason::none) end(owner);
      if (output.token || output.finished != finish_reason::none || !output.prompt_log_probabilities.empty())
        given.push_back(std::move(output));
    }
    return given;
  }

  finish_reason finished(const session& from) const {
    const auto& ends = from.options.end_tokens;
    if (std::find(ends.begin(), ends.end(), from.tokens.back()) != ends.end()) return finish_reason::end;
    if (from.tokens.size() - from.prompt_size >= from.options.tokens_max) return finish_reason::length;
    // The last token needs no place in the cache: nothing comes after it.
    return from.tokens.size() > context() ? finish_reason::context : finish_reason::none;
  }

  void remember_pages(session& from) {
    const std::span<const token_id> tokens(from.tokens);
    while ((from.remembered + 1) * cache_page_positions <= from.computed) {
      from.text = pool.remember(from.pages[from.remembered], from.text,
                                tokens.subspan(from.remembered * cache_page_positions, cache_page_positions));
      ++from.remembered;
    }
  }
};

result<std::vector<tensor>> direct_steps::collect(time_point deadline, const cancellation& cancel) {
  if (begun_.empty()) return error(errc::internal, "a step is collected that was not begun");
  const std::vector<tensor> inputs = std::move(begun_.front());
  begun_.pop_front();
  return run(inputs, deadline, cancel);
}

result<generator> generator::make(const std::vector<value_info>& inputs, step_runner& runner,
                                  const generator_options& options) {
  TROUPE_TRY(const step_layout layout, step_layout::of(inputs));
  if (options.cache_pages < 2 || options.cache_pages > (std::int64_t{1} << 31) - 1)
    return fail(errc::invalid_argument, "the cache has {} pages; at least 2 are needed", options.cache_pages);
  if (options.rows_max < 1 || options.rows_max > 4096)
    return fail(errc::invalid_argument, "a step of {} rows is asked for; 1 to 4096 are possible", options.rows_max);
  return generator(
      std::unique_ptr<state>(new state{.layout = layout,
                                       .runner = &runner,
                                       .options = options,
                                       .pool = page_pool(options.cache_pages),
                                       .active = {},
                                       .waiting = {},
                                       .sequences = std::vector<bool>(static_cast<std::size_t>(layout.sessions)),
                                       .counts = {}}));
}

generator::generator(std::unique_ptr<state> held) : state_(std::move(held)) {}
generator::generator(generator&&) noexcept = default;
generator& generator::operator=(generator&&) noexcept = default;
generator::~generator() = default;

std::size_t generator::context() const noexcept {
  return state_->context();
}

result<session_id> generator::add(std::vector<token_id> prompt, session_options options) {
  if (prompt.empty()) return fail(errc::invalid_argument, "the prompt has no tokens; give at least one");
  if (prompt.size() > context())
    return fail(errc::invalid_argument,
                "the prompt has {} tokens, but the context is {}; shorten it or load the model with a longer context",
                prompt.size(), context());
  for (const token_id token : prompt)
    if (token < 0 || (state_->options.vocabulary > 0 && token >= state_->options.vocabulary))
      return fail(errc::invalid_argument, "the prompt holds the token {}, which does not exist", token);
  if (state_->waiting.size() >= state_->options.waiting_max)
    return fail(errc::unavailable, "{} sessions wait, which is the limit; try again later", state_->waiting.size());
  TROUPE_TRY(sampler choice, sampler::make(options.sampling));
  // The last token that is generated needs no place in the cache.
  const std::size_t wanted = std::min(options.tokens_max, context());
  session made{.id = state_->last_id + 1,
               .options = std::move(options),
               .choice = std::move(choice),
               .tokens = std::move(prompt)};
  made.prompt_size = made.tokens.size();
  made.length_max = std::min(made.prompt_size + std::max<std::size_t>(wanted, 1) - 1, context());
  if (made.pages_needed() > state_->pool.size())
    return fail(errc::invalid_argument,
                "the session may need {} pages of the cache, which has {}; generate fewer tokens or load the model "
                "with a larger cache",
                made.pages_needed(), state_->pool.size());
  state_->waiting.push_back(std::move(made));
  return ++state_->last_id;
}

void generator::remove(session_id which) {
  const auto is_it = [&](const session& each) { return each.id == which; };
  std::erase_if(state_->waiting, is_it);
  const auto found = std::find_if(state_->active.begin(), state_->active.end(), is_it);
  if (found != state_->active.end()) state_->end(found);
}

bool generator::idle() const noexcept {
  return state_->active.empty() && state_->waiting.empty();
}

result<std::vector<session_output>> generator::step(time_point deadline, const cancellation& cancel) {
  state& self = *state_;
  self.admit();
  while (true) {
    if (auto begun = self.begin_steps(deadline); !begun) {
      self.abandon();
      return std::move(begun).error();
    }
    if (self.under_way.empty()) return std::vector<session_output>();
    auto outcome = self.runner->collect(deadline, cancel);
    if (outcome) return self.take(*outcome);
    self.abandon();
    const errc code = outcome.error().code();
    // Also when there is no time left to repeat the step: the next one must not believe in the caches.
    if (code == errc::state_lost) self.lose_caches();
    // The step may have been begun by an earlier call that allowed less time.
    const bool again = code == errc::state_lost || code == errc::deadline_exceeded;
    if (!again || steady_clock::now() >= deadline || cancel.cancelled()) return std::move(outcome).error();
  }
}

std::span<const token_id> generator::tokens(session_id which) const noexcept {
  for (const auto* list : {&state_->active, &state_->waiting})
    for (const session& each : *list)
      if (each.id == which) return each.tokens;
  return {};
}

generator_stats generator::stats() const noexcept {
  generator_stats made = state_->counts;
  made.active = state_->active.size();
  made.waiting = state_->waiting.size();
  made.pages_available = state_->pool.available();
  return made;
}

}  // namespace troupe
