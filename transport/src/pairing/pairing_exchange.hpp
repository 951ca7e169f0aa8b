// How two machines prove to each other that they were given the same code, as plain state: messages in, messages out.
//
//   joining                          hosting
//     greeting (share, card)   --->
//                              <---  greeting (share, card)
//     proof                    --->                            a wrong one is a wrong guess
//                              <---  proof
//
// The joining side proves first, so that each connection to the host yields at most one guess, and the host counts it.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "pairing/pairing_message.hpp"

namespace troupe::wire {

class pairing_exchange {
public:
  enum class side : std::uint8_t { joining, hosting };

  /// `mine` must be valid.
  static result<pairing_exchange> make(side which, pairing_card mine, const pairing_code& code);

  /// What the joining side sends first.
  std::vector<std::byte> greeting() const { return encode_greeting(secret_.share(), identity_); }

  /// A message has come; gives the answer, which is empty for the last one. After an error the exchange is over.
  result<std::vector<std::byte>> received(std::span<const std::byte> message);

  /// The other side, once it has proven that it knows the code.
  const std::optional<paired_machine>& agreed() const noexcept { return agreed_; }
  /// The other side has shown a wrong proof.
  bool wrong_code() const noexcept { return refusal_ == pairing_refusal::wrong_code; }
  /// What to tell the other side after an error.
  pairing_refusal refusal() const noexcept { return refusal_; }

private:
  enum class phase : std::uint8_t { greeting, proof, over };

  pairing_exchange(side which, pairing_card mine, spake2 secret);
  result<std::vector<std::byte>> on_greeting(std::span<const std::byte> message);
  result<std::vector<std::byte>> on_proof(std::span<const std::byte> message);

  side side_;
  phase phase_ = phase::greeting;
  pairing_card mine_;
  spake2 secret_;
  std::vector<std::byte> identity_;
  pairing_card theirs_;
  spake2_proofs proofs_{};
  std::optional<paired_machine> agreed_;
  pairing_refusal refusal_ = pairing_refusal::not_understood;
};

}  // namespace troupe::wire
