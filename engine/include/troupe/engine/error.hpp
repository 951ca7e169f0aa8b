// Kinds of failure, chosen by what somebody can do about them, and an error value that says what went wrong
// and while doing what. Values: copy them, compare them, send them to another process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What the receiver of an error can do. Values travel on the wire: add at the end, never renumber.
enum class errc : std::uint8_t {
  invalid_argument = 1,   ///< the caller's input is wrong; the same call fails again until it changes
  unsupported = 2,        ///< the model or host needs something this build or device does not have
  out_of_memory = 3,      ///< host or device memory is exhausted; a smaller request may succeed
  device_lost = 4,        ///< the device stopped working; make a new one and repeat
  unavailable = 5,        ///< a peer, node, actor or port is not there now; repeat, perhaps elsewhere
  deadline_exceeded = 6,  ///< the time the caller allowed is over
  cancelled = 7,          ///< the caller withdrew the request
  internal = 8,           ///< a bug of ours
  state_lost = 9,         ///< what the model kept from earlier runs is gone; run it anew from the beginning
};

/// The name of `code` as it appears in messages and JSON, e.g. "invalid_argument".
std::string_view to_string(errc code) noexcept;

/// True when the same call may succeed later or elsewhere without the caller changing its input.
constexpr bool retryable(errc code) noexcept {
  return code == errc::out_of_memory || code == errc::device_lost || code == errc::unavailable;
}

/// One failure: a code, one sentence (present tense, with the offending value and what to do), and the trail of
/// what was being done, innermost first.
class error {
public:
  error(errc code, std::string message) : code_(code), message_(std::move(message)) {}

  errc code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const std::vector<std::string>& trail() const noexcept { return trail_; }
  bool retryable() const noexcept { return troupe::retryable(code_); }

  /// Adds what was being done, e.g. "loading layer 12 of model m"; call it once a level on the way up.
  error& while_doing(std::string what) &;
  error&& while_doing(std::string what) &&;

  /// "outer: inner: message", one line.
  std::string to_string() const;

  friend bool operator==(const error&, const error&) = default;

private:
  errc code_;
  std::string message_;
  std::vector<std::string> trail_;
};

}  // namespace troupe
