// The log of a server of streams: what was asked, and every token before anybody sees it.
#pragma once

#include <map>
#include <optional>

#include "fingerprint.hpp"
#include "log_disk.hpp"
#include "troupe/transport/key_hash.hpp"
#include "troupe/transport/records.hpp"

namespace troupe {

/// Names a stream within one log.
using stream_number = std::uint32_t;

/// All that a log knows of one stream.
struct logged_stream {
  wire::node_id id;
  wire::key_hash owner;    ///< who may go on reading it; nobody's within this machine
  stream_request request;  ///< its prompt as tokens
  std::vector<token_id> tokens;
  stream_finish finished = stream_finish::none;
  std::string failure;  ///< with `failed`
  errc failure_code = errc::internal;
};

/// What a log holds, by number.
struct log_contents {
  std::map<stream_number, logged_stream> streams;
  std::size_t bytes_used = 0;     ///< the longest prefix that is sound
  std::size_t bytes_dropped = 0;  ///< behind it: torn, damaged or contradictory
};

/// Largest log. What lives takes half of it at most, or is kept in memory only.
inline constexpr std::size_t log_bytes_max = std::size_t{256} << 20;

/// Reads the longest sound prefix: records that are whole, have their checksum, and tell what can have happened, with
/// the fingerprints that belong to it. `invalid_argument` for a file that is no log, or that of another model.
result<log_contents> read_log(std::span<const std::byte> bytes, const fingerprint_chain& prints);

/// The bytes of a log that holds these streams; see docs/streams.md for the format.
result<std::vector<std::byte>> write_log(const std::map<stream_number, logged_stream>& streams,
                                         const fingerprint_chain& prints);

/// Appends to a log. Records are gathered and handed over by `flush`. After the first error of the disk, or when the
/// log would exceed `log_bytes_max`, nothing is written any more, and `durable` is false for good. One thread at a
/// time.
class token_log {
public:
  /// Keeps nothing.
  token_log() = default;

  struct opened;
  /// Reads the log on `disk` and puts a tidy copy in its place.
  static result<opened> open(std::unique_ptr<log_disk> disk, const fingerprint_chain& prints);

  bool durable() const noexcept { return file_ != nullptr; }
  /// Why it is not any more; nothing when there never was a disk.
  const std::optional<error>& failure() const noexcept { return failure_; }

  void accept(stream_number which, const logged_stream& stream);
  void add(stream_number which, std::uint32_t index, token_id token, std::uint64_t fingerprint);
  void end(stream_number which, const logged_stream& stream);

  /// Hands over what was gathered, and synchronises the disk when a request is among it: a token that is lost with the
  /// power is computed again, a request is not.
  void flush();

  /// The log has grown to a multiple of what it held when it was tidied last.
  bool wants_tidying() const noexcept { return durable() && bytes_ > tidy_at_; }
  /// Puts a log of these streams in its place.
  void tidy(const std::map<stream_number, logged_stream>& streams, const fingerprint_chain& prints);

private:
  void put(std::span<const std::byte> body);
  void give_up(error why);

  std::unique_ptr<log_disk> disk_;
  std::unique_ptr<log_file> file_;
  std::vector<std::byte> gathered_;
  bool wants_sync_ = false;
  std::size_t bytes_ = 0, tidy_at_ = 0;
  std::optional<error> failure_;
};

struct token_log::opened {
  token_log log;
  log_contents contents;
};

}  // namespace troupe
