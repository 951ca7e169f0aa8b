#include <algorithm>
#include <cmath>
#include <limits>
#include <list>

#include "generation/session.hpp"
#include "generation/step_inputs.hpp"
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

/// Rows of one session in one step.
struct share {
  session* owner = nullptr;
  std::size_t count = 0;
  std::vector<std::size_t> scored;        ///< rows of the result that predict the prompt's next tokens, in order
  std::size_t first_scored = 0;           ///< which token of the prompt the first of them predicts
  std::optional<std::size_t> next_token;  ///< row of the result that predicts a new token
};

}  // namespace

struct generator::state {
  step_layout layout;
  step_runner* runner;
  generator_options options;
  page_pool pool;
  std::list<session> active;  ///< in the order in which they came
  std::list<session> waiting;
  std::vector<bool> sequences;  ///< rows of the page table that are taken
  session_id last_id = 0;
  generator_stats counts;

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
    next.remembered = next.pages.size();
    counts.reused_tokens += next.computed;
  }

  void end(std::list<session>::iterator which) {
    // Last to first: what is released first goes first, and a text without its beginning is of no use.
    for (auto page = which->pages.rbegin(); page != which->pages.rend(); ++page) pool.release(*page);
    sequences[static_cast<std::size_t>(which->sequence)] = false;
    active.erase(which);
  }

  /// Sessions that generate come first: a row each. Prompts share the rest.
  std::vector<share> plan() {
    std::vector<share> shares;
    std::size_t left = options.rows_max;
    const auto give = [&](session& to, std::size_t count) {
      if (count == 0) return;
      shares.push_back({&to, count, {}, 0, std::nullopt});
      left -= count;
    };
    for (session& each : active)
      if (each.remaining() == 1) give(each, std::min<std::size_t>(left, 1));
    for (session& each : active)
      if (each.remaining() > 1) give(each, std::min(left, each.remaining()));
    return shares;
  }

  void add_rows(share& part, step_inputs& inputs) {
    const session& from = *part.owner;
    inputs.set_pages(from.sequence, from.pages);
    for (std::size_t at = from.computed; at < from.computed + part.count; ++at) {
      inputs.add_row(from.tokens[at], static_cast<std::int32_t>(at), static_cast<std::int32_t>(from.sequence));
      if (at + 1 == from.tokens.size()) {
        if (from.options.tokens_max > 0) part.next_token = inputs.want_logits();
      } else if (from.options.scores_prompt && at + 1 < from.prompt_size && at + 1 >= from.scored) {
        if (part.scored.empty()) part.first_scored = at + 1;
        part.scored.push_back(inputs.want_logits());
      }
    }
  }

  /// The caches are empty: everything is computed again, from tokens that are known. What the pages of a text hold is
  /// found anew.
  void lose_caches() {
    pool.forget_contents();
    for (session& each : active) {
      each.computed = 0;
      each.text = 0;
      each.remembered = 0;
    }
    ++counts.recoveries;
  }

  session_output conclude(const share& part, std::span<const float> logits, std::size_t width) {
    session& from = *part.owner;
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
  std::vector<session_output> made;
  std::vector<share> shares;
  std::vector<tensor> outputs;
  while (true) {
    shares = self.plan();
    if (shares.empty()) return made;
    step_inputs inputs(self.layout);
    for (share& part : shares) self.add_rows(part, inputs);
    self.counts.rows += inputs.rows();
    ++self.counts.steps;
    TROUPE_TRY(const auto operands, inputs.finish());
    auto outcome = self.runner->run(operands, deadline, cancel);
    if (outcome) {
      outputs = std::move(outcome).value();
      break;
    }
    if (outcome.error().code() != errc::state_lost) return std::move(outcome).error();
    self.lose_caches();  // also when there is no time left to repeat the step: the next one must not believe in them
    if (steady_clock::now() >= deadline || cancel.cancelled()) return std::move(outcome).error();
  }
  std::size_t wanted = 0;
  for (const share& part : shares) wanted += part.scored.size() + (part.next_token ? 1 : 0);
  if (outputs.empty() || outputs[0].type() != dtype::f32 || outputs[0].dims().rank() != 2 ||
      outputs[0].dims()[0] < static_cast<std::int64_t>(wanted) || outputs[0].dims()[1] < 1)
    return fail(errc::internal, "the model gives no logits");
  const auto width = static_cast<std::size_t>(outputs[0].dims()[1]);
  for (const share& part : shares) {
    session_output output = self.conclude(part, outputs[0].as<float>(), width);
    if (output.finished != finish_reason::none) {
      const auto which = std::find_if(self.active.begin(), self.active.end(),
                                      [&](const session& each) { return each.id == output.session; });
      self.end(which);
    }
    if (output.token || output.finished != finish_reason::none || !output.prompt_log_probabilities.empty())
      made.push_back(std::move(output));
  }
  return made;
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
