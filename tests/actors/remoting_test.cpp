// What a remote machine can reach: by its role, and by what it was told of.
#include "remoting.hpp"

#include <atomic>
#include <caf/send.hpp>
#include <future>

#include "model_messages.hpp"
#include "supervised_actors.hpp"
#include "support/paired_machines.hpp"
#include "troupe/transport/codec.hpp"

namespace troupe::test {
namespace {

/// A node that only counts the orders that reach it.
struct counting_node {
  std::shared_ptr<std::atomic<int>> orders = std::make_shared<std::atomic<int>>(0);

  caf::actor spawn(caf::actor_system& system) const {
    return system.spawn([count = orders](caf::event_based_actor* self) -> caf::behavior {
      quiet(*self);
      return {[count](const unload_plan_msg&) { ++*count; }};
    });
  }
  bool reaches(int count) const {
    for (const auto end = soon(); *orders < count && steady_clock::now() < end;)
      std::this_thread::sleep_for(milliseconds(5));
    return *orders == count;
  }
};

wire::outgoing_message order_to(std::uint64_t actor) {
  wire::envelope letter;
  letter.target = actor;
  letter.body = wire::unload_plan{7};
  return need(wire::encode(letter));
}

TEST_CASE("an order reaches a node only from a machine whose role allows it", "[remoting]") {
  const host_scope scope;
  paired_machines both;
  runtime world(false);
  remoting links(world.system(), {"worker", both.worker.folder.path(), wire::link_security::always});
  const counting_node counted;
  const caf::actor node = counted.spawn(world.system());
  links.publish_node(node);
  const auto where = "127.0.0.1:" + std::to_string(need(links.listen("127.0.0.1:0")));

  const auto join = [&](wire::peer_role role) {
    both.worker.trust(both.coordinator, role);
    auto made = need(wire::connect_tcp(where, both.coordinator.options(), soon()));
    auto seen = std::make_shared<recorder>();
    made->start(seen);
    return std::pair(std::move(made), seen);
  };
  std::size_t refused = 0;
  for (const auto role : {wire::peer_role::observer, wire::peer_role::worker}) {
    const auto [peer, seen] = join(role);
    need(peer->send(order_to(1)));
    CHECK(seen->closed().to_string().find("must not send the record unload_plan") != std::string::npos);
    CHECK(links.refused_count() == ++refused);
  }
  CHECK(*counted.orders == 0);
  const auto [peer, seen] = join(wire::peer_role::coordinator);
  need(peer->send(order_to(1)));
  CHECK(counted.reaches(1));
  CHECK_FALSE(seen->is_closed());
  CHECK(links.refused_count() == refused);
  caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
}

TEST_CASE("an actor is reached by those who were told its number, which nobody can guess", "[remoting]") {
  const host_scope scope;
  runtime world(false);
  remoting links(world.system(), {"worker", {}, wire::link_security::automatic});
  acceptor peer;
  const counting_node counted;
  const caf::actor shard = counted.spawn(world.system());
  const caf::actor remote = need(links.connect(peer.address(), soon()));
  auto far = peer.take();
  caf::anon_send(remote, part_up_msg{1, 0, 0, 1, shard, "worker", "device"});
  // The proxy's wish to hear of the node's end comes first.
  REQUIRE(far.seen->wait_for_messages(2));
  const auto letter = need(wire::decode(far.seen->messages()[1]));
  const auto* news = std::get_if<wire::part_up>(&letter.body);
  REQUIRE(news);
  CHECK(news->shard.actor != shard.id());
  CHECK(news->shard.actor > 0xffffffff);

  for (std::uint64_t guess = 2; guess < 200; ++guess) need(far.link->send(order_to(guess)));
  need(far.link->send(order_to(shard.id())));
  need(far.link->send(order_to(news->shard.actor)));
  CHECK(counted.reaches(1));
  caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
}

TEST_CASE("once remoting has stopped, no thread of a lost link calls an actor any more", "[remoting]") {
  const host_scope scope;
  runtime world(false);
  auto links =
      std::make_unique<remoting>(world.system(), remoting_options{"worker", {}, wire::link_security::automatic});
  acceptor peer;
  const caf::actor remote = need(links->connect(peer.address(), soon()));
  std::promise<void> begun;
  std::atomic<bool> over{false};
  remote->attach_functor([&] {
    begun.set_value();
    std::this_thread::sleep_for(milliseconds(300));
    over = true;
  });
  peer.take().link.reset();
  REQUIRE(begun.get_future().wait_until(soon()) == std::future_status::ready);
  SECTION("stopped") {
    links->stop();
  }
  SECTION("destroyed") {
    links.reset();
  }
  CHECK(over);
}

}  // namespace
}  // namespace troupe::test
