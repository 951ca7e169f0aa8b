#include "troupe/transport/permission.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

bool covers(peer_role role, record_rule::sender needed) {
  switch (needed) {
    case record_rule::sender::nobody: return false;
    case record_rule::sender::observer: return true;
    case record_rule::sender::worker: return role == peer_role::worker || role == peer_role::coordinator;
    case record_rule::sender::coordinator: return role == peer_role::coordinator;
  }
  return false;
}

}  // namespace

result<void> check_permission(peer_role role, const envelope& letter) {
  // Answers, and news of ends with their reasons, carry what others may not order.
  const bool is_unasked = letter.kind == envelope_kind::message || letter.kind == envelope_kind::request;
  if (!is_unasked || covers(role, record_rules[letter.body.index()].unasked)) return {};
  return fail(errc::invalid_argument, "a machine with the role {} must not send the record {}", to_string(role),
              name_of(letter.body));
}

}  // namespace troupe::wire
