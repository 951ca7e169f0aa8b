// Reads a stream of tokens from a server that may die meanwhile. Values and handles only.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/result.hpp"
#include "troupe/transport/stream_request.hpp"

namespace troupe {

struct stream_client_options {
  std::string name = "client";
  std::filesystem::path state_directory;  ///< of this machine's key and pairings; see `system_options`
  /// For so long a server that is gone is tried again, with pauses of 50 ms to 2 s.
  std::chrono::milliseconds patience{60'000};
};

/// What is new of a stream.
struct stream_news {
  std::vector<token_id> tokens;
  std::string text;  ///< that became certain with them; parts of code points are held back, other bytes are not
  stream_finish finished = stream_finish::none;
  std::optional<error> failure;              ///< with `failed` and `overloaded`
  std::chrono::milliseconds retry_after{0};  ///< with `overloaded`
};

/// One stream, read over a link of its own. When the link or the server is lost it connects again and goes on with the
/// next token: none is given twice, none is left out. One thread at a time, but for `cancel`.
class token_stream {
public:
  /// Returns at once; the first call of `next` connects. `invalid_argument` for a request that no server takes.
  static result<token_stream> open(std::string address, stream_request request, stream_client_options options = {});
  token_stream(token_stream&&) noexcept;
  token_stream& operator=(token_stream&&) noexcept;
  /// Leaves the stream. The server keeps it for a while, and nobody can come back for it from here.
  ~token_stream();

  /// Waits for what is new: tokens, or the end, after which every call gives the end again without tokens.
  /// `deadline_exceeded`: nothing came; the call can be repeated. `unavailable`: the server is gone for longer than
  /// `stream_client_options::patience`, or has closed the link twice before the first token and says why; the call can
  /// be repeated, too. Other errors end the stream: the address cannot be read, the machines are not paired, something
  /// else answers there.
  result<stream_news> next(time_point deadline);

  /// Asks the server to end the stream, which then ends as `cancelled`, unless it has ended already. Any thread.
  void cancel();

  /// Tokens given so far, and those of the prompt once the server has said so.
  std::uint32_t received() const noexcept;
  std::uint32_t prompt_tokens() const noexcept;
  /// Times that the link was lost and made again.
  std::uint32_t reconnects() const noexcept;
  /// What the server said last: the stream outlives it.
  bool durable() const noexcept;

private:
  struct implementation;
  explicit token_stream(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

}  // namespace troupe
