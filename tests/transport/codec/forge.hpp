// Messages made by hand: what no honest encoder would send.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include "support/check.hpp"
#include "support/letters.hpp"
#include "troupe/transport/schema/wire.capnp.h"

namespace troupe::test {

/// A copy of bytes, aligned as a link aligns them.
inline wire::blob aligned_blob(std::span<const std::byte> bytes) {
  const auto held = need(
      tensor::from_bytes(dtype::u8, need(shape::make(std::array{static_cast<std::int64_t>(bytes.size())})), bytes));
  return {held.storage(), bytes.size()};
}

/// What `fill` writes into an envelope, as it would arrive.
template <class Fill>
wire::incoming_message forge(Fill fill, std::vector<wire::blob> attachments = {}) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<wire::schema::Envelope>());
  const auto flat = capnp::messageToFlatArray(message);
  return {aligned_blob(std::as_bytes(std::span(flat.begin(), flat.size()))), std::move(attachments), wire::lane::bulk};
}

}  // namespace troupe::test
