// Values that several records share, on their way into a message.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "troupe/transport/records.hpp"
#include "troupe/transport/schema/common.capnp.h"
#include "troupe/transport/schema/graph.capnp.h"

namespace troupe::wire {

/// Collects the attachments of one message while its records are written.
class record_writer {
public:
  result<void> write(const tensor& value, schema::Tensor::Builder to);
  result<void> write(const actor_ref& value, schema::ActorRef::Builder to);
  result<void> write(const graph& value, schema::Graph::Builder to);
  void write(const error& value, schema::Error::Builder to);
  void write(const node_id& value, schema::NodeId::Builder to);
  /// An error when `text` has more than `bytes_max`; `what` names it.
  static result<void> check_text(std::string_view text, std::size_t bytes_max, std::string_view what);

  std::vector<blob> take_attachments() { return std::move(attachments_); }

private:
  result<void> write(const value_info& value, schema::Value::Builder to);
  result<void> write(const node& value, schema::Node::Builder to);
  result<void> write(const attribute& value, schema::Attribute::Builder to);
  result<void> write_unchecked(const graph& value, schema::Graph::Builder to);

  std::vector<blob> attachments_;
};

/// Cap'n Proto counts list elements and bytes with 29 bits and would throw beyond.
inline constexpr std::size_t list_elements_max = (std::size_t{1} << 29) - 1;

}  // namespace troupe::wire
