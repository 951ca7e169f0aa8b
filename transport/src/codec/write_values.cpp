#include <algorithm>
#include <cstring>

#include "codec/record_writer.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

/// At most `bytes_max` bytes, without half a UTF-8 character at the end.
std::string cut(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

result<void> record_writer::check_text(std::string_view text, std::size_t bytes_max, std::string_view what) {
  if (text.size() > bytes_max)
    return fail(errc::invalid_argument, "{} has {} bytes; a message takes at most {}", what, text.size(), bytes_max);
  return {};
}

result<void> record_writer::write(const tensor& value, schema::Tensor::Builder to) {
  to.setType(static_cast<std::uint8_t>(value.type()));
  const auto extents = value.dims().extents();
  auto dims = to.initDims(static_cast<unsigned>(extents.size()));
  for (unsigned i = 0; i < dims.size(); ++i) dims.set(i, extents[i]);

  const std::size_t count = value.byte_size();
  if (count <= limits::inline_tensor_bytes_max) {
    auto data = to.initInline(static_cast<unsigned>(count));
    // A tensor that was never given storage is zero, as the builder's bytes are.
    if (!value.bytes().empty()) std::memcpy(data.begin(), value.bytes().data(), count);
    return {};
  }
  if (attachments_.size() == limits::attachments_max)
    return fail(errc::invalid_argument, "a message takes at most {} tensors of more than {} bytes",
                limits::attachments_max, limits::inline_tensor_bytes_max);
  to.setAttachment(static_cast<std::uint32_t>(attachments_.size()));
  attachments_.push_back({value.storage(), count});
  return {};
}

result<void> record_writer::write(const actor_ref& value, schema::ActorRef::Builder to) {
  TROUPE_CHECK(check_text(value.address, limits::address_bytes_max, "the address of an actor's node"));
  write(value.node, to.initNode());
  to.setActor(value.actor);
  if (!value.address.empty()) to.setAddress(value.address);
  return {};
}

void record_writer::write(const node_id& value, schema::NodeId::Builder to) {
  to.setHigh(value.high);
  to.setLow(value.low);
}

void record_writer::write(const error& value, schema::Error::Builder to) {
  to.setCode(static_cast<std::uint8_t>(value.code()));
  to.setMessage(cut(value.message(), limits::error_text_bytes_max));
  const auto& trail = value.trail();
  auto entries = to.initTrail(static_cast<unsigned>(std::min(trail.size(), limits::error_trail_max)));
  for (unsigned i = 0; i < entries.size(); ++i) entries.set(i, cut(trail[i], limits::error_text_bytes_max));
}

}  // namespace troupe::wire
