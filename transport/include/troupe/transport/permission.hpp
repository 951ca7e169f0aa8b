// Who may send which record: the one table that a remote machine's powers are read from.
#pragma once

#include <array>
#include <string_view>

#include "troupe/transport/records.hpp"
#include "troupe/transport/trust.hpp"

namespace troupe::wire {

/// What one kind of record is for.
struct record_rule {
  std::string_view name;  ///< for messages
  /// Whose orders it is: the role itself and those above it (coordinator, worker, observer) may send it unasked.
  /// `nobody`: it only comes as answer to a request of ours.
  enum class sender : std::uint8_t { nobody, observer, worker, coordinator } unasked = sender::nobody;
};

/// In the order of `body`. A record without a row does not compile.
inline constexpr std::array record_rules{
    record_rule{"nothing", record_rule::sender::observer},  // to watch an actor's end, and to tell of one
    record_rule{"error", record_rule::sender::nobody},
    record_rule{"ok", record_rule::sender::nobody},
    record_rule{"load_part", record_rule::sender::coordinator},
    record_rule{"part_up", record_rule::sender::worker},
    record_rule{"part_failed", record_rule::sender::worker},
    record_rule{"unload_plan", record_rule::sender::coordinator},
    record_rule{"step", record_rule::sender::worker},
    record_rule{"step_failed", record_rule::sender::worker},
    record_rule{"cancel", record_rule::sender::coordinator},
    record_rule{"node_status_request", record_rule::sender::observer},
    record_rule{"node_status", record_rule::sender::nobody},
    record_rule{"connect_peer", record_rule::sender::coordinator},
    record_rule{"ping", record_rule::sender::observer},
    record_rule{"pong", record_rule::sender::observer},
    record_rule{"kill_part", record_rule::sender::coordinator},
    record_rule{"unload_part", record_rule::sender::coordinator},
    record_rule{"node_leaving", record_rule::sender::worker},
    record_rule{"chunk_request", record_rule::sender::worker},
    record_rule{"chunk", record_rule::sender::nobody},
    record_rule{"part_progress", record_rule::sender::worker},
    record_rule{"ability_request", record_rule::sender::coordinator},
    record_rule{"ability", record_rule::sender::nobody},
    record_rule{"link_probe", record_rule::sender::coordinator},
    record_rule{"open_stream", record_rule::sender::coordinator},
    record_rule{"stream_part", record_rule::sender::worker},
    record_rule{"stream_ack", record_rule::sender::coordinator},
};
static_assert(record_rules.size() == std::variant_size_v<body>, "every record needs a rule, in the order of `body`");

/// Success when a peer of this role may send the envelope; else `invalid_argument`, naming both. Answers are allowed to
/// all: who gives them was asked, and an answer to nobody's request is dropped.
result<void> check_permission(peer_role role, const envelope& letter);

}  // namespace troupe::wire
