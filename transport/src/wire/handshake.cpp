#include "wire/handshake.hpp"

#include <cassert>
#include <utility>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {

handshake::handshake(side which, hello mine) : side_(which), mine_(std::move(mine)) {
  if (side_ == side::connecting) out_.push_hello(encode_hello(mine_));
}

result<void> handshake::on_hello(std::span<const std::byte> payload) {
  TROUPE_TRY(hello theirs, decode_hello(payload));
  if (side_ == side::accepting) out_.push_hello(encode_hello(mine_));
  TROUPE_TRY(version_, common_version(mine_, theirs));
  if (theirs.node.id == mine_.node.id)
    return fail(errc::invalid_argument, "the node at the other end is this node itself");
  theirs_ = std::move(theirs);
  return {};
}

result<void> handshake::on_message(incoming_message) {
  return fail(errc::internal, "a message passed the reader before the greeting");
}

greeted_connection handshake::finish() && {
  assert(done());
  reader_.finish_greeting();
  return {
      std::move(reader_), std::move(out_), {theirs_->node, version_}, common_profile(mine_.profile, theirs_->profile)};
}

}  // namespace troupe::wire
