// What somebody asks of a server of streams: a prompt, how to go on with it, and when to stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "troupe/engine/sampling.hpp"

namespace troupe {

/// The same request gives the same tokens on the same kind of device, whenever and beside whomever it is computed.
struct stream_request {
  /// The prompt as tokens, or, when there are none, as text.
  std::vector<token_id> tokens;
  std::string text;         ///< at most `limits::stream_text_bytes_max`; special tokens in it are recognised
  std::string layout;       ///< puts `text` into this chat template; "auto": that of the model's file; empty: none
  std::string system;       ///< with `layout`: what the model is told before
  bool add_special = true;  ///< adds the tokens that begin and end a prompt to `text`
  bool ignore_end = false;  ///< goes on after tokens that end a text
  std::uint32_t tokens_max = 128;
  sampling_options sampling;       ///< without `bias` and log-probabilities
  std::vector<std::string> stops;  ///< ends before any of these texts
  /// From when the server accepts the request, or reads it in its log after a restart, to its end.
  std::chrono::milliseconds deadline{600'000};
};

/// Why a stream ended. Values travel on the wire and are kept in logs: add at the end, never renumber.
enum class stream_finish : std::uint8_t {
  none = 0,        ///< it goes on
  end = 1,         ///< a token that ends a text
  length = 2,      ///< `stream_request::tokens_max`
  context = 3,     ///< the model can look back no further
  stop = 4,        ///< one of `stream_request::stops`
  cancelled = 5,   ///< by the client, or nobody has read it for too long
  deadline = 6,    ///< `stream_request::deadline`
  failed = 7,      ///< an error says why
  overloaded = 8,  ///< never begun: the server has as much to do as it takes; try again later
};
inline constexpr stream_finish stream_finish_last = stream_finish::overloaded;

/// "end", "length", ...
std::string_view to_string(stream_finish how) noexcept;

}  // namespace troupe
