// Between the messages of the actors and the records of the transport. This is the complete list of what may cross a
// link: a message that is not here is never sent and cannot be received.
#pragma once

#include <caf/actor.hpp>
#include <caf/message.hpp>
#include <optional>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/records.hpp"

namespace troupe {

/// How handles become references and back; implemented by `remoting`, which knows the links.
class handle_translator {
public:
  virtual ~handle_translator() = default;
  /// Makes a local actor reachable for the peer if it is not yet. An empty handle gives an empty reference.
  virtual wire::actor_ref to_reference(const caf::actor& handle) = 0;
  /// Never an empty handle: messages to an actor that cannot be reached are answered with an error.
  virtual caf::actor to_handle(const wire::actor_ref& reference) = 0;
  /// On the clock of the actors here.
  virtual time_point now() const = 0;
};

/// The record for a message or an answer, or nothing when it is not of the list.
std::optional<wire::body> to_record(const caf::message& message, handle_translator& handles);

/// The message for a record; nothing for a record that no actor takes. The record's contents have been checked by the
/// codec.
std::optional<caf::message> to_message(wire::body record, handle_translator& handles);

}  // namespace troupe
