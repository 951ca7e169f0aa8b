// TCP sockets that never block and never raise a signal.
#pragma once

#include <memory>

#include "tcp/byte_stream.hpp"
#include "tcp/descriptor.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/transport/address.hpp"

namespace troupe::wire {

/// A connected socket; of several addresses behind a name the first that answers. Ends by `deadline`.
result<file_descriptor> connect_socket(const address& where, time_point deadline);

/// A listening socket, and the address with the port that was chosen.
struct listening_socket {
  file_descriptor socket;
  address local;
};
inline constexpr int listen_backlog_max = 128;
/// `backlog`: connections that the system takes before they are accepted.
result<listening_socket> listen_socket(const address& where, int backlog = listen_backlog_max);

/// The next connection that waits, an empty descriptor when none does, an error when the process can take no more
/// (too many open files, say).
result<file_descriptor> accept_socket(const file_descriptor& listening);

/// Sets what a link needs: no delay; little unsent data in the kernel, so that control overtakes bulk.
void prepare_socket(const file_descriptor& socket);

/// Prepares a socket within this machine and wraps it as it is.
std::unique_ptr<byte_stream> make_socket_stream(file_descriptor socket);

/// Waits until one of `events` (as of poll) or `deadline`; true for an event.
bool wait_for(int descriptor, short events, time_point deadline);
/// Milliseconds from `now` to `then` for poll: rounded up, at least 0.
int poll_timeout(time_point now, time_point then);

}  // namespace troupe::wire
