#include <algorithm>

#include "tcp/endpoint.hpp"
#include "tcp/handshake_io.hpp"
#include "tcp/socket.hpp"
#include "tcp/tcp_link.hpp"
#include "tls/tls_context.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/tcp.hpp"

namespace troupe::wire {
namespace {

result<std::unique_ptr<byte_stream>> wrap(file_descriptor socket, const tcp_options& options) {
  if (options.security == link_security::automatic && remote_end(socket.get()).is_loopback())
    return make_socket_stream(std::move(socket));
  prepare_socket(socket);
  TROUPE_TRY(const credentials mine, need_credentials(options));
  TROUPE_TRY(const tls_context context, tls_context::make(tls_context::side::connecting, mine));
  return context.wrap(std::move(socket), options.expected_key);
}

result<std::unique_ptr<link>> greet(const address& target, const tcp_options& options, time_point deadline) {
  hello mine;
  mine.node = options.self;
  mine.profile = options.profile;
  TROUPE_CHECK(validate(mine));
  TROUPE_TRY(file_descriptor socket, connect_socket(target, deadline));
  TROUPE_TRY(auto stream, wrap(std::move(socket), options));

  const time_point end = std::min(deadline, steady_clock::now() + options.handshake_time);
  handshake greeting(handshake::side::connecting, std::move(mine));
  for (;;) {
    TROUPE_TRY(const bool done, advance(*stream, greeting));
    if (done) break;
    if (!wait_for(stream->descriptor(), awaited_events(*stream, greeting), end))
      return fail(errc::deadline_exceeded, "the peer accepts the connection but does not greet in time");
  }
  return make_stream_link(std::move(stream), std::move(greeting).finish());
}

}  // namespace

result<std::unique_ptr<link>> connect_tcp(const std::string& where, const tcp_options& options, time_point deadline) {
  TROUPE_TRY(const address target, parse_address(where));
  return greet(target, options, deadline).while_doing(fmt::format("connecting to {}", target.to_string()));
}

}  // namespace troupe::wire
