// What encryption costs a link, and what strangers at the port do to one: plain and TLS links within this process, over
// the loopback interface. Prints JSON. Time of the processor is said besides that of the clock, since other programs
// share the machine.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <nlohmann/json.hpp>

#include "support/paired_machines.hpp"
#include "support/raw_peer.hpp"

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

double seconds(duration span) {
  return std::chrono::duration<double>(span).count();
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

/// Sends everything back that is short.
class echo final : public wire::link_handler {
public:
  std::unique_ptr<wire::link> link;
  void on_message(wire::incoming_message message) override {
    if (message.byte_size() <= 64) static_cast<void>(link->send(numbered(number_of(message))));
  }
  void on_closed(const error&) override {}
};

struct host {
  explicit host(const wire::tcp_options& options)
      : listener(need(wire::listen_tcp("127.0.0.1:0", options, [this](std::unique_ptr<wire::link> made) {
          guest->link = std::move(made);
          guest->link->start(guest);
        }))) {}
  ~host() {
    listener.reset();
    guest->link.reset();
  }
  std::shared_ptr<echo> guest = std::make_shared<echo>();
  std::unique_ptr<wire::tcp_listener> listener;
  std::string address() const { return listener->local_address().to_string(); }
};

/// Round trips of a short message in microseconds, sorted.
std::vector<double> round_trips(wire::link& link, recorder& seen, std::size_t already, std::size_t count) {
  std::vector<double> all;
  for (std::size_t i = 0; i < count; ++i) {
    const auto began = steady_clock::now();
    need(link.send(numbered(i)));
    if (!seen.wait_for_messages(already + i + 1)) return {};
    all.push_back(seconds(steady_clock::now() - began) * 1e6);
  }
  std::sort(all.begin(), all.end());
  return all;
}

json summary(const std::vector<double>& sorted) {
  return {{"p50_us", sorted.at(sorted.size() / 2)}, {"p99_us", sorted.at(sorted.size() * 99 / 100)}};
}

json measure(const wire::tcp_options& server, const wire::tcp_options& client, bool crowded) {
  host far(server);
  const auto near = need(wire::connect_tcp(far.address(), client, soon()));
  const auto seen = std::make_shared<recorder>();
  near->start(seen);
  json found;
  found["round_trip"] = summary(round_trips(*near, *seen, 0, 3000));

  const auto chunk = bulky(std::size_t{4} << 20, 1);
  constexpr int chunks = 256;  // 1 GiB
  const auto began = steady_clock::now();
  const double processor = processor_seconds();
  for (int i = 0; i < chunks; ++i)
    while (!near->send(chunk)) std::this_thread::sleep_for(std::chrono::microseconds(200));
  while (near->queued_bytes() > 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  found["gb_per_s"] = chunks * 4.194304e-3 / seconds(steady_clock::now() - began);
  found["processor_s_per_gb"] = (processor_seconds() - processor) / (chunks * 4.194304e-3);
  if (!crowded) return found;

  // A thousand strangers, of whom each tenth of a second some leave and others come.
  std::atomic<bool> over{false};
  std::promise<void> there;
  std::thread strangers([&] {
    std::deque<std::unique_ptr<raw_peer>> crowd;
    for (std::size_t i = 0; !over; ++i) {
      crowd.push_back(std::make_unique<raw_peer>(far.address()));
      if (i % 2) crowd.back()->send("\x16\x03\x01\x02");
      if (crowd.size() > 400) crowd.pop_front();
      if (i == 1000) there.set_value();
      if (i > 1000) std::this_thread::sleep_for(milliseconds(2));
    }
  });
  there.get_future().wait();
  const auto with = round_trips(*near, *seen, 3000, 3000);
  over = true;
  strangers.join();
  found["round_trip_with_strangers"] = summary(with);
  return found;
}

}  // namespace

TEST_CASE("links are measured", "[.bench]") {
  const paired_machines both;
  wire::tcp_options plain;
  plain.self = node_called("plain");
  wire::tcp_options other = plain;
  other.self = node_called("other");
  json found;
  found["plain"] = measure(plain, other, false);
  found["tls"] = measure(both.worker.options(), both.coordinator.options(), true);
  std::puts(found.dump(2).c_str());
}
