#include "pairing/spake2.hpp"

#include "support/check.hpp"
#include "wire/bytes.hpp"

using namespace troupe;
using namespace troupe::wire;
using troupe::test::need;

namespace {

template <std::size_t Size>
std::array<std::byte, Size> from_hex(std::string_view digits) {
  REQUIRE(digits.size() == 2 * Size);
  std::array<std::byte, Size> made;
  for (std::size_t i = 0; i < Size; ++i)
    made[i] = static_cast<std::byte>(std::stoi(std::string(digits.substr(2 * i, 2)), nullptr, 16));
  return made;
}

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> made;
  append_text(made, text);
  return made;
}

struct exchange {
  spake2_proofs a, b;
};

exchange run(std::string_view code_a, std::string_view code_b) {
  const spake2 a = need(spake2::make(spake2_side::a, code_a)), b = need(spake2::make(spake2_side::b, code_b));
  const auto left = bytes_of("left"), right = bytes_of("right");
  return {need(a.finish(b.share(), left, right)), need(b.finish(a.share(), left, right))};
}

}  // namespace

TEST_CASE("SPAKE2 gives the numbers of the RFC's first test vector", "[pairing]") {
  const auto w = from_hex<32>("2ee57912099d31560b3a44b1184b9b4866e904c49d12ac5042c97dca461b1a5f");
  const spake2 a = need(spake2::make(spake2_side::a, w,
                                     from_hex<32>("43dd0fd7215bdcb482879fca3220c6a968e66d70b1356cac18bb26c84a78d729")));
  const spake2 b = need(spake2::make(spake2_side::b, w,
                                     from_hex<32>("dcb60106f276b02606d8ef0a328c02e4b629f84f89786af5befb0bc75b6e66be")));
  CHECK(a.share() == from_hex<65>("04a56fa807caaa53a4d28dbb9853b9815c61a411118a6fe516a8798434751470f9010153ac33d0d5f204"
                                  "7ffdb1a3e42c9b4e6be662766e1eeb4116988ede5f912c"));
  CHECK(b.share() == from_hex<65>("0406557e482bd03097ad0cbaa5df82115460d951e3451962f1eaf4367a420676d09857ccbc522686c83d"
                                  "1852abfa8ed6e4a1155cf8f1543ceca528afb591a1e0b7"));
  const auto server = bytes_of("server"), client = bytes_of("client");
  const spake2_proofs of_a = need(a.finish(b.share(), server, client));
  const spake2_proofs of_b = need(b.finish(a.share(), server, client));
  const auto proof_a = from_hex<32>("58ad4aa88e0b60d5061eb6b5dd93e80d9c4f00d127c65b3b35b1b5281fee38f0");
  const auto proof_b = from_hex<32>("d3e2e547f1ae04f2dbdbf0fc4b79f8ecff2dff314b5d32fe9fcef2fb26dc459b");
  CHECK(of_a.mine == proof_a);
  CHECK(of_a.expected == proof_b);
  CHECK(of_b.mine == proof_b);
  CHECK(of_b.expected == proof_a);
}

TEST_CASE("equal codes give equal proofs, other codes do not", "[pairing]") {
  const exchange same = run("7K3M9PQX", "7K3M9PQX");
  CHECK(same_proof(same.a.mine, same.b.expected));
  CHECK(same_proof(same.b.mine, same.a.expected));
  CHECK_FALSE(same_proof(same.a.mine, same.b.mine));
  const exchange other = run("7K3M9PQX", "7K3M9PQZ");
  CHECK_FALSE(same_proof(other.a.mine, other.b.expected));
  CHECK_FALSE(same_proof(other.b.mine, other.a.expected));
}

TEST_CASE("every exchange has its own share", "[pairing]") {
  CHECK(need(spake2::make(spake2_side::a, "7K3M9PQX")).share() !=
        need(spake2::make(spake2_side::a, "7K3M9PQX")).share());
}

TEST_CASE("proofs cover what both sides say about themselves", "[pairing]") {
  const spake2 a = need(spake2::make(spake2_side::a, "7K3M9PQX")), b = need(spake2::make(spake2_side::b, "7K3M9PQX"));
  const auto left = bytes_of("left"), right = bytes_of("right"), changed = bytes_of("righT");
  const spake2_proofs honest = need(a.finish(b.share(), left, right));
  CHECK_FALSE(same_proof(honest.mine, need(b.finish(a.share(), left, changed)).expected));
  CHECK_FALSE(same_proof(honest.mine, need(b.finish(a.share(), changed, right)).expected));
  // The border between the two texts counts as well.
  CHECK_FALSE(same_proof(honest.mine, need(b.finish(a.share(), bytes_of("leftr"), bytes_of("ight"))).expected));
}

TEST_CASE("what is not a point of the curve is refused", "[pairing]") {
  const spake2 a = need(spake2::make(spake2_side::a, "7K3M9PQX"));
  const spake2_share honest = need(spake2::make(spake2_side::b, "7K3M9PQX")).share();
  const auto refused = [&](const spake2_share& given) {
    const auto answer = a.finish(given, {}, {});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code() == errc::invalid_argument);
  };
  refused(spake2_share{});
  spake2_share changed = honest;
  changed[40] ^= std::byte{1};
  refused(changed);
  for (const int form : {0, 2, 3, 5, 6, 7}) {
    changed = honest;
    changed[0] = static_cast<std::byte>(form);
    refused(changed);
  }
  changed.fill(std::byte{0xff});
  changed[0] = std::byte{4};
  refused(changed);
}
