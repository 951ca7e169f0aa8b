// Links between paired machines, and those that do not come about or end because somebody is not trusted.
#include <ifaddrs.h>
#include <net/if.h>

#include "support/paired_machines.hpp"
#include "tcp/endpoint.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

/// An address of this machine that others can reach; empty when it has none.
std::string network_address() {
  std::string found;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return found;
  for (const ifaddrs* each = all; each && found.empty(); each = each->ifa_next) {
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET || !(each->ifa_flags & IFF_UP)) continue;
    endpoint one;
    std::memcpy(&one.storage, each->ifa_addr, sizeof(sockaddr_in));
    one.size = sizeof(sockaddr_in);
    if (!one.is_loopback()) found = one.to_address().host;
  }
  ::freeifaddrs(all);
  return found;
}

error refusal(result<std::unique_ptr<wire::link>> outcome) {
  if (outcome) {
    // With TLS 1.3 the one who connects may be done before the other has looked at his key.
    const auto seen = std::make_shared<recorder>();
    (*outcome)->start(seen);
    return seen->closed();
  }
  return outcome.error();
}

bool says(const error& reason, const std::string& words) {
  INFO(reason.to_string());
  return reason.to_string().find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("paired machines talk, and each knows for certain who the other is", "[tls]") {
  const paired_machines both;
  acceptor host(both.worker.options());
  const auto near = need(connect_tcp(host.address(), both.coordinator.options(), soon()));
  const auto near_seen = std::make_shared<recorder>();
  near->start(near_seen);
  auto far = host.take();
  CHECK(near->peer().proof.key == both.worker.key.key());
  CHECK(near->peer().proof.role == peer_role::worker);
  CHECK(far.link->peer().proof.key == both.coordinator.key.key());
  CHECK(far.link->peer().proof.role == peer_role::coordinator);
  CHECK(far.link->peer().node.name == "coordinator");

  // Sizes around those of records and frames, many pieces, both ways at once.
  std::vector<outgoing_message> sent;
  for (const std::size_t bytes : {1, 31, 4097, 16'383, 16'384, 16'385, 262'111, 262'112, 262'113, 3'000'001})
    sent.push_back({random_blob(bytes % 5000 + 1, bytes), {random_blob(bytes, bytes + 1), random_blob(7, bytes + 2)}});
  for (const auto& message : sent) {
    need(near->send(message));
    need(far.link->send(message));
  }
  REQUIRE(far.seen->wait_for_messages(sent.size()));
  REQUIRE(near_seen->wait_for_messages(sent.size()));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(same_content(sent[i], far.seen->messages()[i]));
    CHECK(same_content(sent[i], near_seen->messages()[i]));
  }
  near->close();
  CHECK(says(far.seen->closed(), "the peer has closed the link"));
}

TEST_CASE("a machine that is not paired gets no link, and the error says what to do", "[tls]") {
  paired_machines both;
  machine stranger("stranger");
  acceptor host(both.worker.options());
  // Nobody the stranger knows.
  CHECK(says(refusal(connect_tcp(host.address(), stranger.options(), soon())), "run `troupe pair` on both machines"));
  // It trusts the worker, but the worker does not know it.
  stranger.trust(both.worker, peer_role::worker);
  const auto refused = refusal(connect_tcp(host.address(), stranger.options(), soon()));
  CHECK(says(refused, "run `troupe pair` on both machines"));
  // Without a key of its own.
  tcp_options keyless = both.coordinator.options();
  keyless.credentials.reset();
  CHECK(says(refusal(connect_tcp(host.address(), keyless, soon())), "state directory"));
  CHECK(host.listener().accepted_count() == 0);
  CHECK(connect_tcp(host.address(), both.coordinator.options(), soon()));
}

TEST_CASE("who connects to a certain machine is not content with another paired one", "[tls]") {
  paired_machines both;
  machine other("other");
  both.coordinator.trust(other, peer_role::worker);
  acceptor host(both.worker.options());
  auto options = both.coordinator.options();
  options.expected_key = other.key.key();
  const auto refused = refusal(connect_tcp(host.address(), options, soon()));
  CHECK(says(refused, short_name(both.worker.key.key())));
  CHECK(says(refused, short_name(other.key.key())));
  options.expected_key = both.worker.key.key();
  CHECK(connect_tcp(host.address(), options, soon()));
}

TEST_CASE("processes of one machine trust each other also over its network address", "[tls]") {
  const paired_machines both;
  acceptor host(both.worker.options());
  const auto near = need(connect_tcp(host.address(), both.worker.options(), soon()));
  CHECK(near->peer().proof.role == peer_role::coordinator);
  CHECK(host.take().link->peer().proof.role == peer_role::coordinator);
}

TEST_CASE("unpairing ends the links at once", "[tls]") {
  paired_machines both;
  acceptor host(both.worker.options());
  const auto near = need(connect_tcp(host.address(), both.coordinator.options(), soon()));
  const auto near_seen = std::make_shared<recorder>();
  near->start(near_seen);
  auto far = host.take();
  need(near->send(numbered(1)));
  REQUIRE(far.seen->wait_for_messages(1));

  // As another process does it.
  trust_store elsewhere(both.worker.folder.path());
  const auto began = steady_clock::now();
  REQUIRE(need(elsewhere.remove(both.coordinator.key.key())));
  CHECK(says(far.seen->closed(), "is not paired with this one any more"));
  CHECK(far.seen->closed().code() == errc::unavailable);
  CHECK(says(near_seen->closed(), "is not paired with this one any more"));
  CHECK(near_seen->closed_at() - began < milliseconds(5000));
  CHECK(says(refusal(connect_tcp(host.address(), both.coordinator.options(), soon())), "not paired"));
}

TEST_CASE("a link does not outlive a change of its peer's role", "[tls]") {
  paired_machines both;
  acceptor host(both.worker.options());
  const auto near = need(connect_tcp(host.address(), both.coordinator.options(), soon()));
  near->start(std::make_shared<recorder>());
  auto far = host.take();
  both.worker.trust(both.coordinator, peer_role::observer);
  CHECK(says(far.seen->closed(), "another role"));
  const auto again = need(connect_tcp(host.address(), both.coordinator.options(), soon()));
  CHECK(host.take().link->peer().proof.role == peer_role::observer);
}

TEST_CASE("a damaged list of paired machines lets nobody in and ends what is there", "[tls]") {
  paired_machines both;
  acceptor host(both.worker.options());
  const auto near = need(connect_tcp(host.address(), both.coordinator.options(), soon()));
  near->start(std::make_shared<recorder>());
  auto far = host.take();
  std::ofstream(both.worker.folder.path() / "peers.json") << "{}";
  CHECK(says(far.seen->closed(), "peers.json"));
  CHECK(says(refusal(connect_tcp(host.address(), both.coordinator.options(), soon())), "not paired"));
}

TEST_CASE("a machine that is paired with nobody does not listen to others", "[tls]") {
  const machine lonely("lonely");
  auto options = lonely.options();
  options.security = link_security::automatic;
  const auto listening = listen_tcp("0.0.0.0:0", options, [](std::unique_ptr<wire::link>) {});
  REQUIRE_FALSE(listening);
  CHECK(says(listening.error(), "run `troupe pair` on both machines first"));
  CHECK(listen_tcp("127.0.0.1:0", options, [](std::unique_ptr<wire::link>) {}));
}

TEST_CASE("links are encrypted as soon as they leave the loopback interface, and only then", "[tls]") {
  const std::string outside = network_address();
  if (outside.empty()) {
    WARN("skipped: this machine has no address besides the loopback interface's");
    return;
  }
  const paired_machines both;
  const machine stranger("stranger");
  auto options = both.worker.options();
  options.security = link_security::automatic;
  std::mutex mutex;
  std::vector<std::unique_ptr<wire::link>> links;
  const auto host = need(listen_tcp("0.0.0.0:0", options, [&](std::unique_ptr<wire::link> made) {
    made->start(std::make_shared<recorder>());
    const std::lock_guard guard(mutex);
    links.push_back(std::move(made));
  }));
  const auto port = ":" + std::to_string(host->local_address().port);

  const auto inside = need(dial("127.0.0.1" + port));
  CHECK_FALSE(inside->peer().proof.key);
  CHECK(inside->peer().proof.role == peer_role::coordinator);
  CHECK(inside->peer().node.listen_address == "127.0.0.1" + port);

  auto far_options = both.coordinator.options();
  far_options.security = link_security::automatic;
  const auto far = need(connect_tcp(outside + port, far_options, soon()));
  CHECK(far->peer().proof.key == both.worker.key.key());
  CHECK(far->peer().node.listen_address == outside + port);

  auto unknown = stranger.options();
  unknown.security = link_security::automatic;
  CHECK(says(refusal(connect_tcp(outside + port, unknown, soon())), "not paired"));
  CHECK(says(refusal(dial(outside + port)), "state directory"));
}
