// Serves streams of tokens of one language model to clients on other processes, and finishes them after its own death.
// What is promised is in docs/streams.md. Values and handles only.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "troupe/engine/generation.hpp"
#include "troupe/engine/tokenizer.hpp"
#include "troupe/transport/content_hash.hpp"
#include "troupe/transport/stream_request.hpp"

namespace troupe {

class gguf_file;

/// Names a model and how it is stored: where it is the same, a log can be gone on with. Reads the whole file.
result<content_hash> hash_of_model(const gguf_file& file, dtype storage);

/// What a server works with. The steps' model, and the system it lives in, must outlive the server.
struct served_model {
  content_hash identity;
  tokenizer words;
  std::unique_ptr<step_runner> steps;
  generator sessions;  ///< made with `*steps`; without any session
};

/// Streams that one server takes at once. Each has a link of its own; some more are left for clients that are refused.
inline constexpr std::size_t served_streams_max = 240;

struct stream_server_options {
  /// Where clients connect. At any address but a loopback one only paired machines are let in; see docs/security.md.
  std::string listen = "127.0.0.1:0";
  std::string name = "server";
  std::filesystem::path state_directory;  ///< of this machine's key and pairings; see `system_options`
  /// Folder of the log, for this server alone. Empty: streams end with the process.
  std::filesystem::path log_directory;
  /// Under way at once, 1 to `served_streams_max`; one more is refused as `overloaded`.
  std::size_t streams_max = 32;
  std::uint32_t window = 256;  ///< tokens that are made beyond those that a client has consumed, 64 to 65536
  /// For so long a stream can be resumed whose client is gone or does not read.
  std::chrono::milliseconds patience{60'000};
  /// Of one step. Steps that fail are tried again for `recovery` before their streams fail.
  std::chrono::milliseconds step_deadline{30'000};
  std::chrono::milliseconds recovery{30'000};
};

struct stream_server_stats {
  std::size_t live = 0;                 ///< streams that have not ended
  std::size_t restored = 0;             ///< that the log held at the start and that had not ended
  std::uint64_t log_bytes_dropped = 0;  ///< at the start: the torn or damaged end of the log
  std::uint64_t tokens = 0;             ///< made since the start
  bool durable = false;                 ///< the log is kept
  std::string log_failure;              ///< why it is not any more
  std::string failure;                  ///< why the server has stopped by itself, if it has; start another one
};

/// A server, at work until it is destroyed, which takes as long as closing its links: a second. Clients then find it
/// gone; what its log holds goes on when one is started again with it. Safe to use from several threads.
class stream_server {
public:
  /// Reads the log, begins to compute what had not ended, and listens. `invalid_argument`: the log is that of another
  /// model, or an option is out of range; `unavailable`: the log or the port is in use, or the disk fails.
  static result<stream_server> start(served_model model, const stream_server_options& options);
  stream_server(stream_server&&) noexcept;
  stream_server& operator=(stream_server&&) noexcept;
  ~stream_server();

  std::uint16_t port() const noexcept;
  stream_server_stats stats() const;

private:
  struct implementation;
  explicit stream_server(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

}  // namespace troupe
