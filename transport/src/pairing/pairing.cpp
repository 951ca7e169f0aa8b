#include "troupe/transport/pairing.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

#include "pairing/pairing_exchange.hpp"
#include "tcp/socket.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

error too_late() {
  return fail(errc::deadline_exceeded, "the other machine does not go on with the pairing in time");
}

/// Sends and receives whole messages; every call ends by its deadline.
class conversation {
public:
  explicit conversation(file_descriptor socket) : stream_(make_socket_stream(std::move(socket))) {}

  result<void> send(std::span<const std::byte> message, time_point deadline) {
    std::vector<std::byte> framed;
    append(framed, static_cast<std::uint16_t>(message.size()));
    framed.insert(framed.end(), message.begin(), message.end());
    std::span<const std::byte> left = framed;
    while (!left.empty()) {
      TROUPE_TRY(const std::size_t sent, stream_->write({&left, 1}));
      left = left.subspan(sent);
      if (!left.empty() && !wait_for(stream_->descriptor(), POLLOUT, deadline)) return too_late();
    }
    return {};
  }

  result<std::vector<std::byte>> receive(time_point deadline) {
    std::array<std::byte, 2> head;
    TROUPE_CHECK(fill(head, deadline));
    const auto size = load<std::uint16_t>(head, 0);
    if (size == 0 || size > limits::pairing_message_bytes_max)
      return fail(errc::invalid_argument,
                  "what is connected does not speak Troupe's pairing protocol; check the address and the port");
    std::vector<std::byte> message(size);
    TROUPE_CHECK(fill(message, deadline));
    return message;
  }

private:
  result<void> fill(std::span<std::byte> into, time_point deadline) {
    while (!into.empty()) {
      // The deadline also ends a peer that sends byte after byte.
      if (steady_clock::now() >= deadline || !wait_for(stream_->descriptor(), POLLIN, deadline)) return too_late();
      TROUPE_TRY(const std::size_t count, stream_->read(into));
      into = into.subspan(count);
    }
    return {};
  }

  std::unique_ptr<byte_stream> stream_;
};

}  // namespace

struct pairing_host::implementation {
  listening_socket listening;
  pairing_card mine;
  pairing_code code;
  time_point ends;
  std::size_t guesses_left = limits::pairing_guesses_max;
  bool used = false;

  /// Why the code cannot be used any more, if it cannot.
  result<void> alive() const {
    if (used) return fail(errc::unavailable, "the code has been used; a further machine needs a new one");
    if (guesses_left == 0)
      return fail(errc::unavailable,
                  "{} wrong codes were tried, so this one has ended; wait a minute, then pair again with a new one",
                  limits::pairing_guesses_max);
    if (steady_clock::now() >= ends)
      return fail(errc::unavailable, "nobody has used the code within {} s, so it has ended; pair again with a new one",
                  limits::pairing_code_life.count());
    return {};
  }

  /// One connection from its first message to its last; an error concerns that connection alone.
  result<paired_machine> serve(file_descriptor socket, const keep_function& keep, const guess_observer& on_guess) {
    const auto now = steady_clock::now();
    const time_point deadline = now + limits::pairing_exchange_time_max;
    conversation with(std::move(socket));
    TROUPE_TRY(pairing_exchange exchange, pairing_exchange::make(pairing_exchange::side::hosting, mine, code));

    TROUPE_TRY(const auto greeting, with.receive(now + limits::pairing_greeting_time_max));
    auto answer = exchange.received(greeting);
    if (!answer) {
      static_cast<void>(with.send(encode_refusal(exchange.refusal(), guesses_left), deadline));
      return std::move(answer).error();
    }
    TROUPE_CHECK(with.send(*answer, deadline));

    TROUPE_TRY(const auto proof, with.receive(deadline));
    answer = exchange.received(proof);
    if (!answer) {
      if (exchange.wrong_code()) --guesses_left;
      static_cast<void>(with.send(encode_refusal(exchange.refusal(), guesses_left), deadline));
      if (exchange.wrong_code() && on_guess) on_guess(guesses_left);
      return std::move(answer).error();
    }
    if (auto kept = keep(exchange.agreed()->peer); !kept) {
      static_cast<void>(with.send(encode_refusal(pairing_refusal::not_kept, guesses_left), deadline));
      return std::move(kept).error();
    }
    used = true;
    // Stored here already: should the last message be lost, the other side says so and the two pair once more.
    static_cast<void>(with.send(*answer, deadline));
    return *exchange.agreed();
  }
};

pairing_host::pairing_host(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}
pairing_host::pairing_host(pairing_host&&) noexcept = default;
pairing_host& pairing_host::operator=(pairing_host&&) noexcept = default;
pairing_host::~pairing_host() = default;

result<pairing_host> pairing_host::open(const address& where, pairing_card mine) {
  TROUPE_CHECK(validate(mine));
  TROUPE_TRY(pairing_code code, pairing_code::draw());
  TROUPE_TRY(listening_socket listening, listen_socket(where, limits::pairing_backlog));
  return pairing_host(std::make_unique<implementation>(implementation{
      std::move(listening), std::move(mine), std::move(code), steady_clock::now() + limits::pairing_code_life}));
}

const pairing_code& pairing_host::code() const noexcept {
  return impl_->code;
}

const address& pairing_host::local_address() const noexcept {
  return impl_->listening.local;
}

result<paired_machine> pairing_host::wait(const keep_function& keep, time_point deadline,
                                          const guess_observer& on_guess) {
  for (;;) {
    TROUPE_CHECK(impl_->alive());
    const time_point until = std::min(deadline, impl_->ends);
    if (!wait_for(impl_->listening.socket.get(), POLLIN, until)) {
      TROUPE_CHECK(impl_->alive());
      return fail(errc::deadline_exceeded, "no machine has paired yet");
    }
    TROUPE_TRY(file_descriptor socket, accept_socket(impl_->listening.socket));
    if (!socket) continue;
    bool stored = true;
    const keep_function noting = [&](const trusted_peer& peer) {
      auto kept = keep(peer);
      stored = kept.has_value();
      return kept;
    };
    auto paired = impl_->serve(std::move(socket), noting, on_guess);
    // Whoever connects may be anyone: only a success counts, and that what was agreed could not be kept.
    if (paired || !stored) return paired;
  }
}

result<paired_machine> join_pairing(const address& where, const pairing_code& code, pairing_card mine,
                                    time_point deadline) {
  TROUPE_TRY(pairing_exchange exchange, pairing_exchange::make(pairing_exchange::side::joining, std::move(mine), code));
  auto socket = connect_socket(where, deadline);
  if (!socket && socket.error().code() == errc::unavailable)
    return fail(errc::unavailable, "no machine waits at {} to be paired; run `troupe pair` there first",
                where.to_string());
  if (!socket) return std::move(socket).error();
  conversation with(std::move(socket).value());
  std::vector<std::byte> next = exchange.greeting();
  while (!exchange.agreed()) {
    TROUPE_CHECK(with.send(next, deadline));
    TROUPE_TRY(const auto message, with.receive(deadline));
    TROUPE_TRY(next, exchange.received(message));
  }
  return *exchange.agreed();
}

}  // namespace troupe::wire
