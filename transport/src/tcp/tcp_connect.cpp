#include <poll.h>

#include <algorithm>

#include "tcp/handshake_io.hpp"
#include "tcp/socket.hpp"
#include "tcp/tcp_link.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/tcp.hpp"

namespace troupe::wire {
namespace {

result<std::unique_ptr<link>> greet(const address& target, const tcp_options& options, time_point deadline) {
  hello mine;
  mine.node = options.self;
  mine.profile = options.profile;
  TROUPE_CHECK(validate(mine));
  TROUPE_TRY(file_descriptor socket, connect_socket(target, deadline));
  auto stream = make_socket_stream(std::move(socket));

  const time_point end = std::min(deadline, steady_clock::now() + options.handshake_time);
  handshake greeting(handshake::side::connecting, std::move(mine));
  for (;;) {
    TROUPE_TRY(const bool done, advance(*stream, greeting));
    if (done) break;
    const short events = static_cast<short>(POLLIN | (greeting.output().empty() ? 0 : POLLOUT));
    if (!wait_for(stream->descriptor(), events, end))
      return fail(errc::deadline_exceeded, "the peer accepts the connection but does not greet in time");
  }
  return make_stream_link(std::move(stream), std::move(greeting).finish());
}

}  // namespace

result<std::unique_ptr<link>> connect_tcp(const std::string& where, const tcp_options& options, time_point deadline) {
  TROUPE_TRY(const address target, parse_address(where));
  TROUPE_CHECK(check_reachable(target));
  return greet(target, options, deadline).while_doing(fmt::format("connecting to {}", target.to_string()));
}

}  // namespace troupe::wire
