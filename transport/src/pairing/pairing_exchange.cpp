#include "pairing/pairing_exchange.hpp"

#include <utility>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {

pairing_exchange::pairing_exchange(side which, pairing_card mine, spake2 secret)
    : side_(which), mine_(std::move(mine)), secret_(secret), identity_(encode_identity(mine_)) {}

result<pairing_exchange> pairing_exchange::make(side which, pairing_card mine, const pairing_code& code) {
  TROUPE_CHECK(validate(mine));
  TROUPE_TRY(spake2 secret, spake2::make(which == side::joining ? spake2_side::a : spake2_side::b, code.password()));
  return pairing_exchange(which, std::move(mine), secret);
}

result<std::vector<std::byte>> pairing_exchange::received(std::span<const std::byte> message) {
  switch (std::exchange(phase_, phase::over)) {
    case phase::greeting: return on_greeting(message);
    case phase::proof: return on_proof(message);
    case phase::over: break;
  }
  return fail(errc::invalid_argument, "the other machine goes on after the end of the pairing");
}

result<std::vector<std::byte>> pairing_exchange::on_greeting(std::span<const std::byte> message) {
  auto read = decode_greeting(message);
  if (!read) {
    if (read.error().code() == errc::unsupported) refusal_ = pairing_refusal::version;
    return std::move(read).error();
  }
  pairing_greeting theirs = std::move(read).value();
  if (theirs.card.key == mine_.key) {
    refusal_ = pairing_refusal::same_key;
    return same_key();
  }
  const bool joins = side_ == side::joining;
  TROUPE_TRY(proofs_,
             secret_.finish(theirs.share, joins ? identity_ : theirs.identity, joins ? theirs.identity : identity_));
  theirs_ = std::move(theirs.card);
  phase_ = phase::proof;
  return joins ? encode_proof(proofs_.mine) : greeting();
}

result<std::vector<std::byte>> pairing_exchange::on_proof(std::span<const std::byte> message) {
  TROUPE_TRY(const spake2_proof shown, decode_proof(message));
  if (!same_proof(shown, proofs_.expected)) {
    refusal_ = pairing_refusal::wrong_code;
    return fail(errc::invalid_argument, "the other machine was given another code");
  }
  agreed_ = paired_machine{{theirs_.key, theirs_.name, mine_.grants, theirs_.addresses}, theirs_.grants};
  return side_ == side::joining ? std::vector<std::byte>() : encode_proof(proofs_.mine);
}

}  // namespace troupe::wire
