// The streams of a server: who reads which, how far each is, which the generator shall go on with, and what is sent.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>

#include "token_log.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/engine/generation.hpp"
#include "troupe/engine/stop_matcher.hpp"
#include "troupe/engine/tokenizer.hpp"

namespace troupe {

/// Names a client as long as it is there; 0: nobody.
using client_id = std::uint64_t;

struct stream_limits {
  std::size_t streams_max = 32;  ///< that have not ended; one more is refused
  std::uint32_t window = 256;    ///< tokens that are made beyond those that the client has consumed
  /// For so long a stream that nobody reads can be resumed, and an end that nobody has fetched be fetched.
  std::chrono::milliseconds patience{60'000};
};

/// Plain state; the caller says what time it is. A token leaves by `take_letters` only after its record was handed to
/// the log.
class stream_table {
public:
  /// `context`: positions of a session. `restored`: what `log` held when it was opened; those streams go on.
  stream_table(tokenizer words, std::size_t context, fingerprint_chain prints, token_log log, log_contents restored,
               const stream_limits& limits, time_point now);

  void open(client_id from, const wire::key_hash& owner, wire::open_stream asked, time_point now);
  void ack(client_id from, const wire::stream_ack& said, time_point now);
  /// The client is gone, its streams are not.
  void leave(client_id who);
  /// Ends what has waited or worked for too long, forgets what ended long ago, and tidies the log.
  void tick(time_point now);

  struct start {
    stream_number which;
    std::vector<token_id> tokens;  ///< prompt and what was generated: replayed with the same bits
    session_options options;
  };
  struct changes {
    std::vector<start> starts;
    std::vector<stream_number> stops;
  };
  /// What the generator shall begin to work on, and what it shall give up: streams that ended, are paused or were left.
  changes take_changes();
  /// The generator has no room for it now: it is among the starts of the next changes again.
  void postpone(stream_number which);
  /// What the generator made. Ignored for a stream that it should not work on.
  void add(stream_number which, token_id token, time_point now);
  /// The stream cannot go on.
  void give_up(stream_number which, const error& why, time_point now);
  /// Every stream that is worked on.
  void give_up_all(const error& why, time_point now);

  struct letter {
    client_id to;
    wire::stream_part part;
  };
  /// Hands everything to the log, then gives what is new for each client.
  std::vector<letter> take_letters();

  std::size_t live() const noexcept;
  bool durable() const noexcept { return log_.durable(); }
  const std::optional<error>& log_failure() const noexcept { return log_.failure(); }

private:
  struct stream {
    stream(logged_stream what, const tokenizer& words, stop_matcher stops_)
        : said(std::move(what)), voice(words), stops(std::move(stops_)) {}

    logged_stream said;
    text_stream voice;
    stop_matcher stops;
    std::vector<std::uint64_t> prints;  ///< `prints[i]`: of the prompt and the first i tokens
    std::string text;
    std::vector<std::size_t> text_ends;  ///< `text_ends[i]`: how much of `text` was certain after token i
    time_point deadline;
    bool running = false;  ///< the generator works on it

    client_id reader = 0;
    bool orphan = false;         ///< was read from the log and not opened since: goes on without a reader
    std::uint32_t sent = 0;      ///< index of the next token for the reader
    std::uint32_t consumed = 0;  ///< tokens that the reader is done with
    bool greeted = false, end_sent = false;
    bool withdrawn = false;           ///< nobody will come back for it
    std::uint32_t claimed_at = 0;     ///< how many tokens the reader said it has
    std::uint64_t claimed_print = 0;  ///< what their fingerprint is; 0: checked, or none
    std::optional<time_point> idle_since;
    time_point ended_at;
  };

  bool wanted(const stream& of) const;
  result<logged_stream> resolve(wire::open_stream asked) const;
  result<std::vector<token_id>> prompt_of(const stream_request& asked) const;
  result<stream*> begin(stream_number which, logged_stream what, time_point now);
  void take_token(stream& to, token_id token);
  stream_finish finish_after(const stream& of) const;
  void finish(stream_number which, stream& of, stream_finish how, time_point now);
  static void close(stream& of, stream_finish how, time_point now);
  void attach(stream& to, client_id from, const wire::open_stream& asked, time_point now);
  static bool claim_holds(stream& of);
  void write(stream& of, std::vector<letter>& to);
  void refuse(client_id from, const wire::node_id& id, stream_finish how, error why);
  void tidy();

  tokenizer words_;
  std::size_t context_;
  fingerprint_chain prints_;
  token_log log_;
  stream_limits limits_;
  std::map<stream_number, stream> streams_;
  std::map<wire::node_id, stream_number> by_id_;
  stream_number last_ = 0;
  std::vector<letter> refusals_;
};

}  // namespace troupe
