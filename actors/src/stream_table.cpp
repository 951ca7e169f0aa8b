#include "stream_table.hpp"

#include <algorithm>
#include <utility>

#include "troupe/engine/chat_template.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe {
namespace {

/// Streams that have ended and are kept for their readers, for each one that may be live.
constexpr std::size_t ended_per_live = 4;
constexpr std::uint32_t retry_after_ms = 1000;

}  // namespace

stream_table::stream_table(tokenizer words, std::size_t context, fingerprint_chain prints, token_log log,
                           log_contents restored, const stream_limits& limits, time_point now)
    : words_(std::move(words)), context_(context), prints_(std::move(prints)), log_(std::move(log)), limits_(limits) {
  for (auto& [number, held] : restored.streams) {
    last_ = std::max(last_, number);
    std::vector<token_id> tokens;
    tokens.swap(held.tokens);
    const stream_finish finished = std::exchange(held.finished, stream_finish::none);
    auto begun = begin(number, std::move(held), now);
    if (!begun) {
      // The log was made with other limits; whoever comes back begins anew, which takes an end of the old one.
      logged_stream gone;
      gone.finished = stream_finish::cancelled;
      if (finished == stream_finish::none) log_.end(number, gone);
      continue;
    }
    stream& made = **begun;
    for (const token_id token : tokens) take_token(made, token);
    made.orphan = true;
    made.consumed = static_cast<std::uint32_t>(tokens.size());
    if (finished != stream_finish::none) {
      close(made, finished, now);
    } else if (const stream_finish how = finish_after(made); how != stream_finish::none) {
      // The server died between the last token and the record of the end.
      finish(number, made, how, now);
    }
  }
}

result<std::vector<token_id>> stream_table::prompt_of(const stream_request& asked) const {
  if (!asked.tokens.empty()) return asked.tokens;
  std::string text = asked.text;
  if (!asked.layout.empty()) {
    TROUPE_TRY(const auto layout,
               asked.layout == "auto" ? chat_template::of(words_) : chat_template::named(asked.layout));
    std::vector<chat_message> messages;
    if (!asked.system.empty()) messages.push_back({"system", asked.system});
    messages.push_back({"user", std::move(text)});
    TROUPE_TRY(text, layout.prompt(messages));
  }
  return words_.encode(text, {.add_special = asked.add_special});
}

result<logged_stream> stream_table::resolve(wire::open_stream asked) const {
  logged_stream made;
  made.id = asked.id;
  TROUPE_TRY(std::vector<token_id> prompt, prompt_of(asked.request));
  if (prompt.empty()) return error(errc::invalid_argument, "the prompt has no tokens; give some text");
  if (prompt.size() > context_)
    return fail(errc::invalid_argument, "the prompt has {} tokens, but the server's context is {}; shorten it",
                prompt.size(), context_);
  for (const token_id token : prompt)
    if (token < 0 || static_cast<std::size_t>(token) >= words_.size())
      return fail(errc::invalid_argument, "the prompt holds the token {}, but the model has the tokens 0 to {}", token,
                  words_.size() - 1);
  TROUPE_CHECK(sampler::make(asked.request.sampling));
  made.request = std::move(asked.request);
  made.request.tokens = std::move(prompt);
  made.request.text.clear();
  made.request.layout.clear();
  made.request.system.clear();
  return made;
}

result<stream_table::stream*> stream_table::begin(stream_number which, logged_stream what, time_point now) {
  TROUPE_TRY(stop_matcher stops, stop_matcher::make(what.request.stops));
  TROUPE_TRY(const std::uint64_t print, prints_.begin(what.request.tokens));
  by_id_[what.id] = which;
  stream& made = streams_.try_emplace(which, std::move(what), words_, std::move(stops)).first->second;
  made.prints.push_back(print);
  made.deadline = now + made.said.request.deadline;
  return &made;
}

void stream_table::open(client_id from, const wire::key_hash& owner, wire::open_stream asked, time_point now) {
  if (const auto known = by_id_.find(asked.id); known != by_id_.end()) {
    stream& found = streams_.at(known->second);
    if (found.said.owner != owner)
      return refuse(
          from, asked.id, stream_finish::failed,
          error(errc::invalid_argument, "a stream of this id was opened by another machine; draw another id"));
    return attach(found, from, asked, now);
  }
  // Those that have ended count too until `tick` forgets them.
  if (live() >= limits_.streams_max || streams_.size() >= (1 + ended_per_live) * limits_.streams_max)
    return refuse(from, asked.id, stream_finish::overloaded, error(errc::unavailable, "overloaded"));
  const wire::open_stream position{asked.id, asked.next_index, asked.fingerprint, {}};
  auto made = resolve(std::move(asked));
  if (!made) return refuse(from, position.id, stream_finish::failed, std::move(made).error());
  made->owner = owner;
  const stream_number which = ++last_;
  auto begun = begin(which, std::move(made).value(), now);
  if (!begun) return refuse(from, position.id, stream_finish::failed, std::move(begun).error());
  log_.accept(which, (*begun)->said);
  attach(**begun, from, position, now);
}

void stream_table::attach(stream& to, client_id from, const wire::open_stream& asked, time_point now) {
  to.reader = from;
  to.orphan = false;
  to.sent = to.consumed = asked.next_index;
  to.claimed_at = asked.next_index;
  to.claimed_print = asked.next_index > 0 ? asked.fingerprint : 0;
  to.greeted = to.end_sent = false;
  to.idle_since.reset();
  if (to.said.finished != stream_finish::none) to.ended_at = now;
  if (claim_holds(to)) return;
  to.reader = 0;
  refuse(from, asked.id, stream_finish::failed,
         error(errc::state_lost, "the stream is not the one that the client has the beginning of; begin it anew"));
}

/// Whether what the reader has can be the beginning of this stream, as far as that is known yet.
bool stream_table::claim_holds(stream& of) {
  const bool may_come = of.said.finished == stream_finish::none;
  if (of.sent > of.said.tokens.size() && !may_come) return false;
  if (of.claimed_print == 0) return true;
  if (of.claimed_at >= of.prints.size()) return may_come;
  return of.prints[of.claimed_at] == std::exchange(of.claimed_print, 0);
}

void stream_table::ack(client_id from, const wire::stream_ack& said, time_point now) {
  const auto known = by_id_.find(said.id);
  if (known == by_id_.end()) return;
  stream& of = streams_.at(known->second);
  if (of.reader != from) return;
  of.consumed = std::max(of.consumed, std::min(said.received, of.sent));
  if (!said.cancel) return;
  of.withdrawn = true;
  if (of.said.finished == stream_finish::none) finish(known->second, of, stream_finish::cancelled, now);
}

void stream_table::leave(client_id who) {
  for (auto& [number, each] : streams_)
    if (each.reader == who) each.reader = 0;
}

bool stream_table::wanted(const stream& of) const {
  return of.said.finished == stream_finish::none && (of.reader != 0 || of.orphan) &&
         of.said.tokens.size() < std::size_t{of.consumed} + limits_.window;
}

void stream_table::tick(time_point now) {
  std::size_t ended = 0;
  for (auto each = streams_.begin(); each != streams_.end();) {
    stream& of = each->second;
    if (of.said.finished == stream_finish::none) {
      if (wanted(of)) {
        of.idle_since.reset();
      } else if (!of.idle_since) {
        of.idle_since = now;
      }
      if (now >= of.deadline)
        finish(each->first, of, stream_finish::deadline, now);
      else if (of.idle_since && now - *of.idle_since >= limits_.patience)
        finish(each->first, of, stream_finish::cancelled, now);
    }
    const bool over = of.said.finished != stream_finish::none && !of.running;
    const bool nobody_comes = of.withdrawn && (of.end_sent || of.reader == 0);
    if (over && (nobody_comes || now - of.ended_at >= limits_.patience)) {
      by_id_.erase(of.said.id);
      each = streams_.erase(each);
      continue;
    }
    if (over) ++ended;
    ++each;
  }
  for (auto each = streams_.begin(); each != streams_.end() && ended > ended_per_live * limits_.streams_max;) {
    if (each->second.said.finished == stream_finish::none || each->second.running) {
      ++each;
      continue;
    }
    by_id_.erase(each->second.said.id);
    each = streams_.erase(each);
    --ended;
  }
  if (log_.wants_tidying()) tidy();
}

void stream_table::tidy() {
  std::map<stream_number, logged_stream> kept;
  for (const auto& [number, each] : streams_) kept.emplace(number, each.said);
  log_.tidy(kept, prints_);
}

stream_table::changes stream_table::take_changes() {
  changes made;
  for (auto& [number, each] : streams_) {
    const bool shall_run = wanted(each);
    if (shall_run == each.running) continue;
    each.running = shall_run;
    if (!shall_run) {
      made.stops.push_back(number);
      continue;
    }
    start begun{number, each.said.request.tokens, {}};
    begun.tokens.insert(begun.tokens.end(), each.said.tokens.begin(), each.said.tokens.end());
    begun.options.tokens_max = each.said.request.tokens_max - each.said.tokens.size();
    begun.options.sampling = each.said.request.sampling;
    if (!each.said.request.ignore_end) begun.options.end_tokens = words_.end_tokens();
    made.starts.push_back(std::move(begun));
  }
  return made;
}

void stream_table::postpone(stream_number which) {
  if (const auto found = streams_.find(which); found != streams_.end()) found->second.running = false;
}

void stream_table::take_token(stream& to, token_id token) {
  to.said.tokens.push_back(token);
  // The hash of OpenSSL fails when it is broken altogether; then it has failed for the prompt.
  const auto print = prints_.next(to.prints.back(), token);
  to.prints.push_back(print ? *print : 0);
  to.text += to.stops.add(to.voice.add(token));
  to.text_ends.push_back(to.text.size());
}

stream_finish stream_table::finish_after(const stream& of) const {
  if (of.said.tokens.empty()) return stream_finish::none;
  if (!of.said.request.ignore_end && words_.ends_generation(of.said.tokens.back())) return stream_finish::end;
  if (of.stops.stopped()) return stream_finish::stop;
  if (of.said.tokens.size() >= of.said.request.tokens_max) return stream_finish::length;
  if (of.said.request.tokens.size() + of.said.tokens.size() > context_) return stream_finish::context;
  return stream_finish::none;
}

void stream_table::add(stream_number which, token_id token, time_point now) {
  const auto found = streams_.find(which);
  if (found == streams_.end() || !found->second.running || found->second.said.finished != stream_finish::none) return;
  stream& to = found->second;
  take_token(to, token);
  log_.add(which, static_cast<std::uint32_t>(to.said.tokens.size() - 1), token, to.prints.back());
  const stream_finish how = finish_after(to);
  // It must not end before the place where its reader is.
  const bool too_short = how != stream_finish::none && to.sent > to.said.tokens.size();
  if (too_short || !claim_holds(to))
    return give_up(
        which, error(errc::state_lost, "the stream does not go on as the client has it already; begin it anew"), now);
  if (how != stream_finish::none) finish(which, to, how, now);
}

void stream_table::give_up(stream_number which, const error& why, time_point now) {
  const auto found = streams_.find(which);
  if (found == streams_.end()) return;
  stream& of = found->second;
  if (of.said.finished != stream_finish::none) return;
  of.said.failure_code = why.code();
  of.said.failure = why.to_string();
  finish(which, of, stream_finish::failed, now);
}

void stream_table::give_up_all(const error& why, time_point now) {
  for (auto& [number, each] : streams_)
    if (each.running && each.said.finished == stream_finish::none) give_up(number, why, now);
}

void stream_table::finish(stream_number which, stream& of, stream_finish how, time_point now) {
  close(of, how, now);
  log_.end(which, of.said);
}

void stream_table::close(stream& of, stream_finish how, time_point now) {
  of.said.finished = how;
  of.ended_at = now;
  of.text += of.stops.add(of.voice.finish());
  of.text += of.stops.finish();
}

void stream_table::refuse(client_id from, const wire::node_id& id, stream_finish how, error why) {
  wire::stream_part part;
  part.id = id;
  part.finished = how;
  part.failure = std::move(why);
  part.durable = log_.durable();
  part.retry_after_ms = how == stream_finish::overloaded ? retry_after_ms : 0;
  refusals_.push_back({from, std::move(part)});
}

std::vector<stream_table::letter> stream_table::take_letters() {
  log_.flush();
  std::vector<letter> made;
  made.swap(refusals_);
  for (auto& [number, each] : streams_)
    if (each.reader != 0) write(each, made);
  return made;
}

/// What the reader does not have yet, in as many parts as it takes.
void stream_table::write(stream& of, std::vector<letter>& to) {
  const auto& tokens = of.said.tokens;
  const auto text_before = [&](std::size_t index) { return index == 0 ? 0 : of.text_ends[index - 1]; };
  while (!of.end_sent) {
    const std::size_t left = tokens.size() - std::min<std::size_t>(of.sent, tokens.size());
    const bool ends = of.said.finished != stream_finish::none;
    if (left == 0 && !ends && of.greeted) return;
    wire::stream_part part;
    part.id = of.said.id;
    part.first = of.sent;
    part.prompt_tokens = static_cast<std::uint32_t>(of.said.request.tokens.size());
    part.durable = log_.durable();
    std::size_t count = std::min(left, limits::stream_part_tokens_max);
    const auto bytes = [&] { return text_before(of.sent + count) - text_before(of.sent); };
    while (count > 1 && bytes() > limits::stream_part_bytes_max) count /= 2;
    if (count > 0) {
      part.tokens.assign(tokens.begin() + of.sent, tokens.begin() + static_cast<std::ptrdiff_t>(of.sent + count));
      part.text = of.text.substr(text_before(of.sent), std::min(bytes(), limits::stream_part_bytes_max));
      of.sent += static_cast<std::uint32_t>(count);
    }
    part.fingerprint = of.sent < of.prints.size() ? of.prints[of.sent] : 0;
    of.greeted = true;
    if (ends && count == left) {
      // What was held back while more could come.
      part.text += of.text.substr(text_before(tokens.size()));
      part.finished = of.said.finished;
      part.failure = error(of.said.failure_code, of.said.failure);
      of.end_sent = true;
    }
    to.push_back({of.reader, std::move(part)});
  }
}

std::size_t stream_table::live() const noexcept {
  return static_cast<std::size_t>(std::count_if(streams_.begin(), streams_.end(), [](const auto& each) {
    return each.second.said.finished == stream_finish::none;
  }));
}

}  // namespace troupe
