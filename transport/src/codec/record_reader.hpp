// Values that several records share, on their way out of a message that nobody has checked yet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/transport/records.hpp"
#include "troupe/transport/schema/common.capnp.h"
#include "troupe/transport/schema/graph.capnp.h"

namespace troupe::wire {

/// Checks every value it hands out and keeps account of the memory that decoding takes: before anything is allocated
/// its bytes are charged against a budget in proportion to the bytes that arrived.
class record_reader {
public:
  explicit record_reader(const incoming_message& message);

  /// An error when `count` elements of `bytes_each` exceed what is left of the budget.
  result<void> charge(std::size_t count, std::size_t bytes_each);

  result<std::string> text(kj::ArrayPtr<const char> from, std::size_t bytes_max, std::string_view what);
  result<dtype> element_type(std::uint8_t number) const;
  static result<shape> dims(capnp::List<std::int64_t>::Reader from);
  result<void> read(schema::Tensor::Reader from, tensor& into);
  result<void> read(schema::ActorRef::Reader from, actor_ref& into);
  result<void> read(schema::Error::Reader from, error& into);
  result<void> read(schema::NodeId::Reader from, node_id& into);
  /// Includes the engine's own `validate`.
  result<void> read(schema::Graph::Reader from, graph& into);

private:
  result<void> read(schema::Value::Reader from, value_info& into);
  result<void> read(schema::Node::Reader from, node& into);
  result<void> read(schema::Attribute::Reader from, attribute& into);
  result<void> read_unchecked(schema::Graph::Reader from, graph& into);  ///< without `validate`
  result<blob> attachment(std::uint32_t index);
  template <class T, class List>
  result<std::vector<T>> numbers(List from);

  const incoming_message& message_;
  std::vector<bool> used_;  // attachments that a tensor has named
  std::size_t budget_;
};

}  // namespace troupe::wire
