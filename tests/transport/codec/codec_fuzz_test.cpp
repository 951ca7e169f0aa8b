// Mutations of every record: whatever arrives, decoding ends with a value or an error. Memory is bounded because every
// allocation is charged first (see `record_reader::charge`); the sanitizers watch the rest.
#include "forge.hpp"
#include "support/transport.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

TEST_CASE("a head cut anywhere is refused") {
  for (const auto& [name, letter] : sample_letters()) {
    const auto sent = need(encode(letter));
    const auto bytes = sent.head.bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      INFO(name << " cut to " << length);
      const incoming_message cut{length == 0 ? blob{} : aligned_blob(bytes.first(length)), sent.attachments, sent.lane};
      REQUIRE_FALSE(decode(cut));
    }
  }
}

TEST_CASE("20,000 mutations of envelopes end with a value or an error") {
  const auto seed = seed_of_this_run();
  INFO("TROUPE_TEST_SEED=" << seed);
  random_source random(seed);
  std::vector<outgoing_message> originals;
  for (const auto& one : sample_letters()) originals.push_back(need(encode(one.letter)));

  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto& original = originals[random.below(originals.size())];
    std::vector<std::byte> head(original.head.bytes().begin(), original.head.bytes().end());
    std::vector<blob> attachments = original.attachments;
    for (std::size_t i = 1 + random.below(4); i > 0; --i) {
      switch (random.below(6)) {
        case 0: head[random.below(head.size())] = static_cast<std::byte>(random.next()); break;
        case 1: head[random.below(head.size())] ^= static_cast<std::byte>(1u << random.below(8)); break;
        case 2: {  // a whole word: pointers and sizes
          const auto word = random.below(head.size() / 8) * 8;
          const std::uint64_t value = random.below(2) == 0 ? random.next() : ~std::uint64_t{0} >> random.below(64);
          std::memcpy(head.data() + word, &value, 8);
          break;
        }
        case 3: {  // a pointer of another place
          const auto from = random.below(head.size() / 8) * 8;
          const auto to = random.below(head.size() / 8) * 8;
          std::memmove(head.data() + to, head.data() + from, 8);
          break;
        }
        case 4: head.resize(8 * (1 + random.below(head.size() / 8 + 4))); break;
        default:
          if (!attachments.empty())
            attachments.erase(attachments.begin() + static_cast<std::ptrdiff_t>(random.below(attachments.size())));
      }
    }
    const auto outcome = decode({aligned_blob(head), attachments, original.lane});
    if (!outcome) {
      CHECK_FALSE(outcome.error().message().empty());
    } else {
      ++accepted;
      REQUIRE(encode(*outcome));  // what is accepted is sound
    }
  }
  CHECK(accepted > 100);  // the mutations are not all hopeless
}
