// Nodes that keep their link but do not answer take no time from those that do.
#include "node_survey.hpp"

#include "model_messages.hpp"
#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

/// A node that leaves what it is asked in its mailbox, from the first or the second question on.
caf::actor spawn_node(caf::actor_system& system, bool tells, bool is_timed) {
  return system.spawn([=](caf::event_based_actor* self) -> caf::behavior {
    quiet(*self);
    self->set_default_handler(caf::skip);
    const auto tell = [](const ability_request_msg&) -> caf::result<ability_msg> {
      return ability_msg{{"device", "driver", 1 << 20, 1e9, 1e9, 0, 0}};
    };
    if (!tells) return {[](int) {}};
    if (!is_timed) return {tell};
    return {tell, [](const link_probe_msg&) -> caf::result<ok_atom> { return ok_atom::value; }};
  });
}

TEST_CASE("a node that does not answer leaves the others time to be known", "[survey]") {
  const host_scope scope;
  runtime world(false);
  const std::vector<caf::actor> nodes{spawn_node(world.system(), false, false), spawn_node(world.system(), true, false),
                                      spawn_node(world.system(), true, true)};
  const auto known =
      survey_nodes(world.system(), nodes, {"mute", "stuck", "fine"}, steady_clock::now() + std::chrono::seconds(4));
  REQUIRE(known.size() == 3);
  CHECK(known[0].unusable.find("it was asked how fast it is") != std::string::npos);
  CHECK(known[1].unusable.find("its link was timed") != std::string::npos);
  CHECK(known[2].unusable.empty());
  CHECK(known[2].ability.device == "device");
  CHECK(known[2].link.bytes_per_s > 0);
  for (const caf::actor& node : nodes) caf::anon_send_exit(node, caf::exit_reason::kill);
}

}  // namespace
}  // namespace troupe::test
