#include "troupe/transport/permission.hpp"

#include <set>

#include "support/check.hpp"
#include "support/letters.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

bool may(peer_role role, body record, envelope_kind kind = envelope_kind::message) {
  envelope letter;
  letter.kind = kind;
  letter.body = std::move(record);
  const auto checked = check_permission(role, letter);
  if (!checked) CHECK(checked.error().code() == errc::invalid_argument);
  return checked.has_value();
}

}  // namespace

TEST_CASE("a coordinator runs models, a worker serves them, an observer looks on", "[roles]") {
  for (const auto kind : {envelope_kind::message, envelope_kind::request}) {
    for (const auto role : {peer_role::coordinator, peer_role::worker, peer_role::observer}) {
      const bool commands = role == peer_role::coordinator;
      const bool serves = role != peer_role::observer;
      CHECK(may(role, load_part{}, kind) == commands);
      CHECK(may(role, unload_plan{}, kind) == commands);
      CHECK(may(role, unload_part{}, kind) == commands);
      CHECK(may(role, cancel{}, kind) == commands);
      CHECK(may(role, connect_peer{}, kind) == commands);
      CHECK(may(role, kill_part{}, kind) == commands);
      CHECK(may(role, ability_request{}, kind) == commands);
      CHECK(may(role, link_probe{}, kind) == commands);
      CHECK(may(role, open_stream{}, kind) == commands);
      CHECK(may(role, stream_ack{}, kind) == commands);
      CHECK(may(role, stream_part{}, kind) == serves);
      CHECK(may(role, part_up{}, kind) == serves);
      CHECK(may(role, part_failed{}, kind) == serves);
      CHECK(may(role, node_leaving{}, kind) == serves);
      CHECK(may(role, step{}, kind) == serves);
      CHECK(may(role, step_failed{}, kind) == serves);
      CHECK(may(role, node_status_request{}, kind));
      CHECK(may(role, ping{}, kind));
      // Answers without a question.
      CHECK_FALSE(may(role, node_status{}, kind));
      CHECK_FALSE(may(role, ability{"d", "d", 1, 1, 1, 0, 0}, kind));
      CHECK_FALSE(may(role, ok{}, kind));
      CHECK_FALSE(may(role, error(errc::internal, "x"), kind));
    }
  }
}

TEST_CASE("everybody may answer, watch an actor and tell of its end", "[roles]") {
  for (const auto role : {peer_role::coordinator, peer_role::worker, peer_role::observer}) {
    CHECK(may(role, ok{}, envelope_kind::response));
    CHECK(may(role, node_status{}, envelope_kind::response));
    CHECK(may(role, error(errc::internal, "x"), envelope_kind::error));
    CHECK(may(role, error(errc::internal, "x"), envelope_kind::down));
    CHECK(may(role, {}, envelope_kind::monitor));
    CHECK(may(role, {}, envelope_kind::demonitor));
  }
}

TEST_CASE("every record has a name of its own, which refusals name", "[roles]") {
  std::set<std::string_view> names;
  for (const record_rule& rule : record_rules) names.insert(rule.name);
  CHECK(names.size() == record_rules.size());
  for (const auto& sample : sample_letters())
    CHECK(name_of(sample.letter.body) == record_rules[sample.letter.body.index()].name);
  envelope order;
  order.body = load_part{};
  const auto refused = check_permission(peer_role::observer, order);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "a machine with the role observer must not send the record load_part");
}
