#include <algorithm>
#include <array>

#include "codec/record_reader.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

// What a tensor's storage takes beside its bytes: alignment and the count of its owners.
constexpr std::size_t storage_overhead_bytes = 128;

}  // namespace

record_reader::record_reader(const incoming_message& message)
    : message_(message),
      used_(message.attachments.size(), false),
      budget_(limits::decoded_bytes_base + limits::decoded_bytes_per_byte_max * message.head.size) {}

result<void> record_reader::charge(std::size_t count, std::size_t bytes_each) {
  if (count > budget_ / bytes_each)
    return fail(errc::invalid_argument, "a head of {} bytes describes more than fits in it", message_.head.size);
  budget_ -= count * bytes_each;
  return {};
}

result<std::string> record_reader::text(kj::ArrayPtr<const char> from, std::size_t bytes_max, std::string_view what) {
  if (from.size() > bytes_max)
    return fail(errc::invalid_argument, "{} has {} bytes; at most {} are allowed", what, from.size(), bytes_max);
  TROUPE_CHECK(charge(from.size(), 1));
  return std::string(from.begin(), from.size());
}

result<dtype> record_reader::element_type(std::uint8_t number) const {
  const auto type = static_cast<dtype>(number);
  if (!is_valid(type)) return fail(errc::invalid_argument, "the element type {} is unknown", number);
  return type;
}

result<blob> record_reader::attachment(std::uint32_t index) {
  if (index >= used_.size())
    return fail(errc::invalid_argument, "a tensor lies in attachment {} of a message that has {}", index, used_.size());
  if (used_[index]) return fail(errc::invalid_argument, "two tensors lie in the same attachment {}", index);
  used_[index] = true;
  return message_.attachments[index];
}

result<shape> record_reader::dims(capnp::List<std::int64_t>::Reader from) {
  std::array<std::int64_t, limits::rank_max> extents{};
  if (from.size() > extents.size())
    return fail(errc::unsupported, "a tensor of rank {} exceeds the supported rank {}", from.size(), extents.size());
  for (unsigned i = 0; i < from.size(); ++i) extents[i] = from[i];
  return shape::make(std::span(extents).first(from.size()));
}

result<void> record_reader::read(schema::Tensor::Reader from, tensor& into) {
  TROUPE_TRY(const dtype type, element_type(from.getType()));
  TROUPE_TRY(const shape dimensions, dims(from.getDims()));

  if (from.isInline()) {
    const auto data = from.getInline();
    if (data.size() > limits::inline_tensor_bytes_max)
      return fail(errc::invalid_argument, "a tensor has {} bytes inside the head; at most {} are allowed", data.size(),
                  limits::inline_tensor_bytes_max);
    TROUPE_CHECK(charge(1, data.size() + storage_overhead_bytes));
    TROUPE_TRY(into, tensor::from_bytes(type, dimensions, std::as_bytes(std::span(data.begin(), data.size()))));
  } else if (from.isAttachment()) {
    TROUPE_TRY(const blob part, attachment(from.getAttachment()));
    TROUPE_TRY(into, tensor::from_shared(type, dimensions, part.data, part.size));
  } else {
    return fail(errc::invalid_argument, "a tensor lies neither in the head nor in an attachment");
  }

  // Other values than 0 and 1 are not values of a C++ bool.
  const auto bytes = into.bytes();
  if (type == dtype::boolean && std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; }))
    return fail(errc::invalid_argument, "a boolean tensor holds a byte other than 0 and 1");
  return {};
}

result<void> record_reader::read(schema::ActorRef::Reader from, actor_ref& into) {
  TROUPE_CHECK(read(from.getNode(), into.node));
  into.actor = from.getActor();
  TROUPE_TRY(into.address, text(from.getAddress(), limits::address_bytes_max, "the address of an actor's node"));
  return {};
}

result<void> record_reader::read(schema::NodeId::Reader from, node_id& into) {
  into = {from.getHigh(), from.getLow()};
  return {};
}

result<void> record_reader::read(schema::Error::Reader from, error& into) {
  const auto code = from.getCode();
  if (code < static_cast<std::uint8_t>(errc::invalid_argument) || code > static_cast<std::uint8_t>(errc::state_lost))
    return fail(errc::invalid_argument, "the error code {} is unknown", code);
  TROUPE_TRY(std::string message, text(from.getMessage(), limits::error_text_bytes_max, "an error's message"));
  into = error(static_cast<errc>(code), std::move(message));
  const auto trail = from.getTrail();
  if (trail.size() > limits::error_trail_max)
    return fail(errc::invalid_argument, "an error's trail has {} entries; at most {} are allowed", trail.size(),
                limits::error_trail_max);
  for (const auto entry : trail) {
    TROUPE_TRY(std::string what, text(entry, limits::error_text_bytes_max, "an entry of an error's trail"));
    into.while_doing(std::move(what));
  }
  return {};
}

}  // namespace troupe::wire
