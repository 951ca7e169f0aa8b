// Token by token: many sessions of one language model, batched together at every step, each with the tokens that it
// would have alone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/sampling.hpp"

namespace troupe {

/// Makes the steps of a language model, in the order in which they are begun: on one program, or on a model that is
/// spread over shards, where several are under way at once. One thread at a time.
class step_runner {
public:
  virtual ~step_runner() = default;
  /// Parts of the model that work at the same time if each has a step; at the moment, as this may change.
  virtual std::size_t stages() const noexcept { return 1; }
  /// Begins a step; it is given up at `deadline` if nobody has collected it. `inputs` in the order of the model's.
  virtual void begin(std::vector<tensor> inputs, time_point deadline) = 0;
  /// Waits for the oldest step that was begun and is neither collected nor abandoned. After an error those begun later
  /// may have been made without what it should have left in the caches: abandon them. `errc::state_lost` says that the
  /// caches are empty again; steps begun afterwards work with the new ones, and none does that was begun before.
  virtual result<std::vector<tensor>> collect(time_point deadline, const cancellation& cancel) = 0;
  /// Forgets every step that was begun. Those that run on write nothing after a step begun later.
  virtual void abandon() = 0;
};

/// Makes one step at a time, when it is collected.
class direct_steps : public step_runner {
public:
  virtual result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                          const cancellation& cancel) = 0;

  void begin(std::vector<tensor> inputs, time_point) final { begun_.push_back(std::move(inputs)); }
  result<std::vector<tensor>> collect(time_point deadline, const cancellation& cancel) final;
  void abandon() final { begun_.clear(); }

private:
  std::deque<std::vector<tensor>> begun_;
};

/// How steps are made.
struct generator_options {
  /// Pages of the model's cache, the unused page 0 included: `language_model::cache_pages`.
  std::int64_t cache_pages = 0;
  /// Tokens that the model knows; prompts with others are refused. 0: unknown.
  std::int64_t vocabulary = 0;
  /// Rows of one step: tokens of prompts fill up what sessions that generate leave over. These take turns.
  std::size_t rows_max = 128;
  /// Sessions that wait for a place; one more is refused.
  std::size_t waiting_max = 1024;
};

/// What one session shall do.
struct session_options {
  std::size_t tokens_max = 256;  ///< to generate; 0: only read the prompt
  sampling_options sampling;
  /// Tokens that end the generation; they are the last ones given.
  std::vector<token_id> end_tokens;
  /// Gives the logits of every generated token.
  bool wants_logits = false;
  /// Gives the log-probability of every token of the prompt but the first.
  bool scores_prompt = false;
};

using session_id = std::uint64_t;

enum class finish_reason : std::uint8_t {
  none,     ///< it goes on
  end,      ///< an end token
  length,   ///< `tokens_max`
  context,  ///< the model can look back no further
  failed,   ///< `session_output::failure` says why; other sessions go on
};

/// What a step gives for one session.
struct session_output {
  session_id session = 0;
  /// Nothing when the session only read its prompt.
  std::optional<sampled_token> token;
  finish_reason finished = finish_reason::none;
  std::vector<float> logits;                     ///< of `token`, if wanted
  std::vector<double> prompt_log_probabilities;  ///< if wanted: of the prompt tokens that this step made predictable
  std::optional<error> failure;
};

struct generator_stats {
  std::uint64_t steps = 0, rows = 0;
  std::uint64_t prompt_tokens = 0;  ///< that were computed
  std::uint64_t reused_tokens = 0;  ///< of prompts whose beginning another session had left in the cache
  std::uint64_t recoveries = 0;     ///< times the caches were lost and made again from the tokens
  std::size_t active = 0, waiting = 0, pages_available = 0;
};

/// Sessions of one model. A session's tokens depend on its prompt, options and seed only: not on other sessions, on how
/// prompts are cut into steps, on what the cache held, or on losses of the caches, which are made again by replaying
/// tokens. One thread at a time.
class generator {
public:
  /// `inputs`: the declared inputs of the model's graph, which say how many sessions and positions there are. `runner`
  /// must outlive the generator.
  static result<generator> make(const std::vector<value_info>& inputs, step_runner& runner,
                                const generator_options& options);
  generator(generator&&) noexcept;
  generator& operator=(generator&&) noexcept;
  ~generator();

  /// Positions of one session, prompt and generated tokens together.
  std::size_t context() const noexcept;

  /// A new session; it begins with the next step that has room. `invalid_argument` for an empty prompt, one that leaves
  /// no position to generate, or bad options; `unavailable` when too many wait.
  result<session_id> add(std::vector<token_id> prompt, session_options options);

  /// Ends a session, whatever it is doing. One that is not there is no error.
  void remove(session_id which);

  /// True when no session has anything left to do.
  bool idle() const noexcept;

  /// What the next pass of the model over rows of the sessions gives. Where the model has several stages, as many
  /// passes as keep them busy are begun beforehand, and run on after the call. After an error every session is as it
  /// was before: the step can be repeated. Lost caches are no error; the step is made again from the tokens, as far as
  /// `deadline` allows.
  result<std::vector<session_output>> step(time_point deadline, const cancellation& cancel = {});

  /// Prompt and generated tokens so far; empty for a session that is not there any more.
  std::span<const token_id> tokens(session_id which) const noexcept;

  generator_stats stats() const noexcept;

private:
  struct state;
  explicit generator(std::unique_ptr<state> held);
  std::unique_ptr<state> state_;
};

}  // namespace troupe
