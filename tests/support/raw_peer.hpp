// The other end of a TCP connection in the hands of a test: it can be silent, slow, frozen or lie.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/transport.hpp"
#include "tcp/handshake_io.hpp"
#include "tcp/socket.hpp"

namespace troupe::test {

/// A connection without any manners.
class raw_peer {
public:
  explicit raw_peer(const std::string& address)
      : socket_(need(wire::connect_socket(need(wire::parse_address(address)), soon()))) {}
  explicit raw_peer(wire::file_descriptor socket) : socket_(std::move(socket)) {}

  int descriptor() const { return socket_.get(); }

  void send(std::string_view text) { send(std::as_bytes(std::span(text))); }
  /// Gives up quietly when the other side has closed: what it did is what the test looks at.
  void send(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count > 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(count));
      } else if (errno != EAGAIN || !wire::wait_for(socket_.get(), POLLOUT, soon())) {
        return;
      }
    }
  }

  /// Everything the other side still sends until it closes; a failed test when it does not close.
  std::string read_until_closed() {
    std::string all;
    std::array<char, 4096> chunk;
    for (;;) {
      if (!wire::wait_for(socket_.get(), POLLIN, soon())) FAIL("the other side does not close");
      const auto count = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
      if (count <= 0) return all;
      all.append(chunk.data(), static_cast<std::size_t>(count));
    }
  }

  /// Greets properly as the connecting side; afterwards the test decides what happens. What it returns
  /// can make frames that continue this connection.
  wire::greeted_connection greet(wire::link_profile profile = wire::default_profile) {
    wire::hello mine;
    mine.node = node_called("raw");
    mine.profile = profile;
    auto stream = wire::make_socket_stream(wire::file_descriptor(::dup(socket_.get())));
    wire::handshake greeting(wire::handshake::side::connecting, mine);
    while (!need(wire::advance(*stream, greeting)))
      if (!wire::wait_for(socket_.get(), POLLIN, soon())) FAIL("the other side does not greet");
    return std::move(greeting).finish();
  }

private:
  wire::file_descriptor socket_;
};

/// Stands between two ends and passes on what the first sends at a limited rate; the way back is free.
class slow_proxy {
public:
  slow_proxy(const std::string& target, std::size_t bytes_per_second)
      : target_(target), rate_(bytes_per_second), listening_(need(wire::listen_socket({"127.0.0.1", 0, false}))) {
    const int small = 64 << 10;  // else the kernel's buffers hold more than the test sends
    ::setsockopt(listening_.socket.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    thread_ = std::thread([this] { run(); });
  }
  ~slow_proxy() {
    stopping_ = true;
    thread_.join();
  }
  std::string address() const { return listening_.local.to_string(); }

private:
  void run() {
    while (!stopping_ && !wire::wait_for(listening_.socket.get(), POLLIN, steady_clock::now() + milliseconds(20))) {
    }
    if (stopping_) return;
    const raw_peer front(need(wire::accept_socket(listening_.socket)));
    raw_peer back(target_);
    raw_peer front_writer{wire::file_descriptor(::dup(front.descriptor()))};
    std::vector<std::byte> chunk(8192);
    const auto begin = steady_clock::now();
    std::size_t passed = 0;
    while (!stopping_) {
      const auto due = begin + std::chrono::duration_cast<duration>(std::chrono::duration<double>(
                                   static_cast<double>(passed) / static_cast<double>(rate_)));
      const bool may_pass = steady_clock::now() >= due;
      std::array<pollfd, 2> watched{{{back.descriptor(), POLLIN, 0}, {front.descriptor(), POLLIN, 0}}};
      ::poll(watched.data(), may_pass ? 2 : 1, 1);
      if (watched[0].revents != 0) {
        const auto count = ::recv(back.descriptor(), chunk.data(), chunk.size(), 0);
        if (count <= 0) return;
        front_writer.send(std::span<const std::byte>(chunk).first(static_cast<std::size_t>(count)));
      }
      if (may_pass && watched[1].revents != 0) {
        const auto count = ::recv(front.descriptor(), chunk.data(), chunk.size(), 0);
        if (count <= 0) return;
        back.send(std::span<const std::byte>(chunk).first(static_cast<std::size_t>(count)));
        passed += static_cast<std::size_t>(count);
      }
    }
  }

  std::string target_;
  std::size_t rate_;
  wire::listening_socket listening_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace troupe::test
