#include "tcp/socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

// The kernel takes more bulk data only while less than this is unsent: a control frame waits behind no more.
constexpr int unsent_bytes_max = 128 << 10;
constexpr std::size_t pieces_per_call_max = 1024;  // IOV_MAX of Linux

struct raw_address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

raw_address to_raw(const address& where) {
  raw_address raw;
  if (where.ipv6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(raw.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(where.port);
    ::inet_pton(AF_INET6, where.host.c_str(), &v6.sin6_addr);
    raw.size = sizeof v6;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(raw.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(where.port);
    ::inet_pton(AF_INET, where.host.c_str(), &v4.sin_addr);
    raw.size = sizeof v4;
  }
  return raw;
}

std::uint16_t bound_port(int socket) {
  raw_address raw;
  raw.size = sizeof raw.storage;
  if (::getsockname(socket, raw.get(), &raw.size) != 0) return 0;
  return ntohs(raw.storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(raw.storage).sin6_port
                                                 : reinterpret_cast<sockaddr_in&>(raw.storage).sin_port);
}

result<file_descriptor> make_socket(const address& where) {
  file_descriptor made(
      ::socket(where.ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!made) return fail(errc::unavailable, "no socket can be made: {}", std::strerror(errno));
  return made;
}

error refused(const address& where, int code) {
  return fail(errc::unavailable, "no node answers at {}: {}; start one there or check the address", where.to_string(),
              std::strerror(code));
}

class socket_stream final : public byte_stream {
public:
  explicit socket_stream(file_descriptor socket) : socket_(std::move(socket)) {}

  int descriptor() const noexcept override { return socket_.get(); }

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
  TROUPE_TRY(file_descriptor made, make_socket(where));
  raw_address raw = to_raw(where);
  if (::connect(made.get(), raw.get(), raw.size) == 0) return made;
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

result<listening_socket> listen_socket(const address& where, int backlog) {
  TROUPE_TRY(file_descriptor made, make_socket(where));
  // A restarted node gets its port back although connections of the one before are still winding down.
  const int on = 1;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  raw_address raw = to_raw(where);
  if (::bind(made.get(), raw.get(), raw.size) != 0 || ::listen(made.get(), backlog) != 0) {
    if (errno == EADDRINUSE)
      return fail(errc::unavailable,
                  "{} is in use by another process; stop that one, or listen on another port or on 0",
                  where.to_string());
    return fail(errc::unavailable, "nothing can listen at {}: {}; choose another address", where.to_string(),
                std::strerror(errno));
  }
  address local = where;
  local.port = bound_port(made.get());
  return listening_socket{std::move(made), std::move(local)};
}

result<file_descriptor> accept_socket(const file_descriptor& listening) {
  file_descriptor taken(::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (taken) return taken;
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
    return fail(errc::unavailable, "no further connection can be accepted: {}", std::strerror(errno));
  return file_descriptor();  // none waits, or it has gone again
}

std::unique_ptr<byte_stream> make_socket_stream(file_descriptor socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max, sizeof unsent_bytes_max);
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
