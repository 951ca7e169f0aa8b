#include "troupe/transport/fault_proxy.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "support/raw_peer.hpp"
#include "troupe/transport/strangers.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// A client, a proxy and the server's end of the connection.
struct relayed {
  listening_socket server = need(listen_socket(need(parse_address("127.0.0.1:0"))));
  std::unique_ptr<fault_proxy> proxy = need(fault_proxy::start(server.local, 9));
  raw_peer client{proxy->local().to_string()};
  raw_peer accepted{accept()};

  file_descriptor accept() {
    if (!wait_for(server.socket.get(), POLLIN, soon())) FAIL("nobody connects");
    return need(accept_socket(server.socket));
  }
};

/// So many bytes, or fewer if the connection ends or `patience` is over.
std::string read(const raw_peer& from, std::size_t count, std::chrono::milliseconds patience = 10s) {
  const time_point deadline = steady_clock::now() + patience;
  std::string all;
  while (all.size() < count && wait_for(from.descriptor(), POLLIN, deadline)) {
    std::array<char, 4096> chunk;
    const auto got = ::recv(from.descriptor(), chunk.data(), std::min(chunk.size(), count - all.size()), 0);
    if (got <= 0) break;
    all.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return all;
}

/// How a connection ended: 0 in order, otherwise the error.
int end_of(const raw_peer& from) {
  if (!wait_for(from.descriptor(), POLLIN, soon())) FAIL("the connection does not end");
  char letter = 0;
  return ::recv(from.descriptor(), &letter, 1, 0) == 0 ? 0 : errno;
}

/// Whether a connection there is reset, at once or before it is even known to stand.
bool resets(const std::string& where) {
  try {
    return end_of(raw_peer(where)) == ECONNRESET;
  } catch (const std::runtime_error& refused) {
    return std::string_view(refused.what()).find("reset by peer") != std::string_view::npos;
  }
}

void set_both(fault_proxy& proxy, const flow_rules& rules) {
  proxy.set_rules(flow::to_target, rules);
  proxy.set_rules(flow::from_target, rules);
}

}  // namespace

TEST_CASE("a fault proxy without faults passes everything on, and the end", "[fault_proxy]") {
  relayed through;
  std::string large(1 << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 + i / 251);
  std::thread sender([&] { through.client.send(large); });
  CHECK(read(through.accepted, large.size()) == large);
  sender.join();
  through.accepted.send("answer");
  CHECK(read(through.client, 6) == "answer");
  CHECK(through.proxy->count().connections == 1);
  CHECK(through.proxy->count().bytes_to_target == large.size());
  CHECK(through.proxy->last_opening().size() == 4096);
  ::shutdown(through.client.descriptor(), SHUT_WR);
  CHECK(end_of(through.accepted) == 0);
  through.accepted.send("late");
  CHECK(read(through.client, 4) == "late");
}

TEST_CASE("a fault proxy holds one direction or both, and what was held comes later", "[fault_proxy]") {
  relayed through;
  through.proxy->set_rules(flow::to_target, {.held = true});
  through.client.send("question");
  through.accepted.send("news");
  CHECK(read(through.client, 4) == "news");
  CHECK(read(through.accepted, 8, 100ms).empty());
  ::shutdown(through.client.descriptor(), SHUT_WR);
  CHECK(read(through.accepted, 8, 50ms).empty());
  through.proxy->set_rules(flow::to_target, {});
  CHECK(read(through.accepted, 8) == "question");
  CHECK(end_of(through.accepted) == 0);
}

TEST_CASE("a fault proxy delays, and keeps the order under jitter", "[fault_proxy]") {
  relayed through;
  set_both(*through.proxy, {.delay = 50ms, .jitter = 20ms});
  const time_point before = steady_clock::now();
  std::string want;
  for (int i = 0; i < 20; ++i) {
    through.client.send(std::string(1, static_cast<char>('a' + i)));
    want += static_cast<char>('a' + i);
    std::this_thread::sleep_for(1ms);
  }
  CHECK(read(through.accepted, want.size()) == want);
  CHECK(steady_clock::now() - before >= 50ms);
}

TEST_CASE("a fault proxy is as slow as it should be, and in pieces", "[fault_proxy]") {
  relayed through;
  through.proxy->set_rules(flow::to_target, {.bytes_per_second = 100'000});
  const std::string text(20'000, 'x');
  const time_point before = steady_clock::now();
  through.client.send(text);
  CHECK(read(through.accepted, text.size()) == text);
  CHECK(steady_clock::now() - before >= 150ms);
  through.proxy->set_rules(flow::to_target, {.piece_bytes = 3});
  through.client.send("pieces of three");
  CHECK(read(through.accepted, 15) == "pieces of three");
}

TEST_CASE("a fault proxy damages the next bytes once", "[fault_proxy]") {
  relayed through;
  const auto passed = [&](flow_damage damage, const std::string& text, std::size_t arrives) {
    through.proxy->damage(damage);
    through.client.send(text);
    const std::string got = read(through.accepted, arrives);
    through.client.send("well");
    CHECK(read(through.accepted, 4) == "well");
    return got;
  };
  CHECK(passed({flow_damage::form::cut, 3}, "abcdef", 3) == "def");
  CHECK(passed({flow_damage::form::duplicate, 2}, "abc", 5) == "ababc");
  CHECK(passed({flow_damage::form::insert, 4}, "abc", 7).substr(4) == "abc");
  const std::string flipped = passed({flow_damage::form::flip, 1}, "abcdef", 6);
  int bits = 0;
  for (std::size_t i = 0; i < flipped.size(); ++i) bits += __builtin_popcount(unsigned(flipped[i] ^ "abcdef"[i]) & 255);
  CHECK(bits == 1);
  CHECK(through.proxy->count().damaged == 4);
  CHECK(through.proxy->forget_damage() == 0);
  through.proxy->damage({flow_damage::form::flip, 1});
  through.proxy->damage({flow_damage::form::cut, 1});
  CHECK(through.proxy->forget_damage() == 2);
  through.client.send("whole");
  CHECK(read(through.accepted, 5) == "whole");
  for (int i = 0; i < 64; ++i) CHECK(through.proxy->damage({flow_damage::form::flip, 1}));
  CHECK_FALSE(through.proxy->damage({flow_damage::form::flip, 1}));
  CHECK(through.proxy->forget_damage() == 64);
  through.proxy->damage({flow_damage::form::reset, 2});
  through.client.send("abcdef");
  CHECK(end_of(through.client) == ECONNRESET);
  CHECK(through.proxy->count().damaged == 5);
}

TEST_CASE("a fault proxy resets, closes and half closes connections, and refuses new ones", "[fault_proxy]") {
  {
    relayed through;
    through.proxy->end_connections(flow_end::reset);
    CHECK(end_of(through.client) == ECONNRESET);
    CHECK(end_of(through.accepted) == ECONNRESET);
  }
  {
    relayed through;
    through.proxy->end_connections(flow_end::close);
    CHECK(end_of(through.client) == 0);
    CHECK(end_of(through.accepted) == 0);
  }
  relayed through;
  through.proxy->end_connections(flow_end::half_close);
  CHECK(end_of(through.accepted) == 0);
  through.accepted.send("still here");
  CHECK(read(through.client, 10) == "still here");
  through.proxy->refuse(true);
  CHECK(resets(through.proxy->local().to_string()));
  through.proxy->refuse(false);
  raw_peer later(through.proxy->local().to_string());
  const raw_peer taken(through.accept());
  later.send("hello");
  CHECK(read(taken, 5) == "hello");
}

TEST_CASE("a fault proxy serves this machine only, and survives a target that is not there", "[fault_proxy]") {
  CHECK(fault_proxy::start(need(parse_address("192.0.2.1:80")), 1).error().code() == errc::invalid_argument);
  CHECK(strangers::connect(need(parse_address("192.0.2.1:80")), 1).error().code() == errc::invalid_argument);
  const auto proxy = need(fault_proxy::start(need(parse_address("127.0.0.1:1")), 1));
  CHECK(resets(proxy->local().to_string()));
}

TEST_CASE("strangers come, say something and go", "[fault_proxy]") {
  const listening_socket server = need(listen_socket(need(parse_address("127.0.0.1:0"))));
  auto some = need(strangers::connect(server.local, 3));
  CHECK(some.size() == 3);
  some.say(std::as_bytes(std::span("hello", 5)));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(wait_for(server.socket.get(), POLLIN, soon()));
    const raw_peer taken(need(accept_socket(server.socket)));
    CHECK(read(taken, 5) == "hello");
  }
}
