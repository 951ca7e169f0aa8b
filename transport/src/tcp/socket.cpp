#include "tcp/socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "tcp/endpoint.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

// The kernel takes more bulk data only while less than this is unsent: a control frame waits behind no more.
constexpr int unsent_bytes_max = 128 << 10;
// A listener's own name.
constexpr std::chrono::seconds look_up_time_max{5};
constexpr std::size_t pieces_per_call_max = 1024;  // IOV_MAX of Linux

result<file_descriptor> make_socket(const endpoint& where) {
  file_descriptor made(::socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!made) return fail(errc::unavailable, "no socket can be made: {}", std::strerror(errno));
  return made;
}

error refused(const address& where, int code) {
  return fail(errc::unavailable, "no node answers at {}: {}; start one there or check the address", where.to_string(),
              std::strerror(code));
}

result<file_descriptor> connect_endpoint(const endpoint& target, const address& where, time_point deadline) {
  TROUPE_TRY(file_descriptor made, make_socket(target));
  if (::connect(made.get(), target.get(), target.size) == 0) return made;
  if (errno != EINPROGRESS) return refused(where, errno);
  if (!wait_for(made.get(), POLLOUT, deadline))
    return fail(errc::deadline_exceeded, "{} does not answer in time; check the address, or allow more time",
                where.to_string());
  int code = 0;
  socklen_t size = sizeof code;
  if (::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
  if (code != 0) return refused(where, code);
  return made;
}

class socket_stream final : public byte_stream {
public:
  explicit socket_stream(file_descriptor socket) : socket_(std::move(socket)) {}

  int descriptor() const noexcept override { return socket_.get(); }

  // Only within this machine (see `link_security`), where every program may do what its user may.
  peer_proof peer() const override { return {{}, peer_role::coordinator}; }

  result<std::size_t> read(std::span<std::byte> into) override {
    const auto count = ::recv(socket_.get(), into.data(), into.size(), 0);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) return fail(errc::unavailable, "the peer has ended the connection without a farewell");
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return std::size_t{0};
    return fail(errc::unavailable, "the connection is lost: {}", std::strerror(errno));
  }

  result<std::size_t> write(std::span<const std::span<const std::byte>> pieces) override {
    std::array<iovec, pieces_per_call_max> vectors;
    const std::size_t count = std::min(pieces.size(), vectors.size());
    for (std::size_t i = 0; i < count; ++i) vectors[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
    msghdr call{};
    call.msg_iov = vectors.data();
    call.msg_iovlen = count;
    const auto sent = ::sendmsg(socket_.get(), &call, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return std::size_t{0};
    return fail(errc::unavailable, "the connection is lost: {}", std::strerror(errno));
  }

  void finish_writing() noexcept override { ::shutdown(socket_.get(), SHUT_WR); }

private:
  file_descriptor socket_;
};

}  // namespace

result<file_descriptor> connect_socket(const address& where, time_point deadline) {
  TROUPE_TRY(const std::vector<endpoint> candidates, resolve(where, deadline));
  result<file_descriptor> outcome = fail(errc::unavailable, "{} has no address", where.to_string());
  for (std::size_t i = 0; i < candidates.size() && !outcome; ++i) {
    // One that does not answer must not take the time of those behind it.
    const auto now = steady_clock::now();
    const auto share = (deadline - now) / static_cast<std::int64_t>(candidates.size() - i);
    outcome = connect_endpoint(candidates[i], where, now + share);
  }
  return outcome;
}

result<listening_socket> listen_socket(const address& where, int backlog) {
  TROUPE_TRY(const auto candidates, resolve(where, steady_clock::now() + look_up_time_max));
  const endpoint& chosen = candidates.front();
  TROUPE_TRY(file_descriptor made, make_socket(chosen));
  // A restarted node gets its port back although connections of the one before are still winding down.
  const int on = 1;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(made.get(), chosen.get(), chosen.size) != 0 || ::listen(made.get(), backlog) != 0) {
    if (errno == EADDRINUSE)
      return fail(errc::unavailable,
                  "{} is in use by another process; stop that one, or listen on another port or on 0",
                  where.to_string());
    return fail(errc::unavailable, "nothing can listen at {}: {}; choose another address", where.to_string(),
                std::strerror(errno));
  }
  address local = local_end(made.get()).to_address();
  return listening_socket{std::move(made), std::move(local)};
}

result<file_descriptor> accept_socket(const file_descriptor& listening) {
  file_descriptor taken(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (taken) return taken;
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
    return fail(errc::unavailable, "no further connection can be accepted: {}", std::strerror(errno));
  return file_descriptor();  // none waits, or it has gone again
}

void prepare_socket(const file_descriptor& socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max, sizeof unsent_bytes_max);
}

std::unique_ptr<byte_stream> make_socket_stream(file_descriptor socket) {
  prepare_socket(socket);
  return std::make_unique<socket_stream>(std::move(socket));
}

int poll_timeout(time_point now, time_point then) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(then - now);
  return static_cast<int>(std::clamp(left, milliseconds(0), milliseconds(60'000)).count());
}

bool wait_for(int descriptor, short events, time_point deadline) {
  for (;;) {
    const auto now = steady_clock::now();
    pollfd watched{descriptor, events, 0};
    if (::poll(&watched, 1, poll_timeout(now, deadline)) > 0) return true;
    if (steady_clock::now() >= deadline) return false;
  }
}

}  // namespace troupe::wire
