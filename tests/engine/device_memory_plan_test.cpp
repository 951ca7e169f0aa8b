#include "device/lowering/memory_plan.hpp"

#include "support/check.hpp"

using namespace troupe;

namespace {

std::vector<lifetime> random_lifetimes(test::random_source& random) {
  std::vector<lifetime> made(random.below(60));
  for (lifetime& item : made) {
    item.bytes = random.below(4) == 0 ? 0 : random.below(5000);
    item.first = static_cast<std::uint32_t>(random.below(40));
    item.last = item.first + static_cast<std::uint32_t>(random.below(10));
  }
  return made;
}

std::uint64_t aligned(std::uint64_t bytes, std::uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// The most bytes alive at one position: no plan can do with less.
std::uint64_t peak(const std::vector<lifetime>& items, std::uint64_t alignment) {
  std::uint64_t most = 0;
  for (std::uint32_t position = 0; position < 64; ++position) {
    std::uint64_t alive = 0;
    for (const lifetime& item : items)
      if (item.first <= position && position <= item.last) alive += aligned(item.bytes, alignment);
    most = std::max(most, alive);
  }
  return most;
}

}  // namespace

TEST_CASE("values that live at the same time share no byte") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    test::random_source random(seed);
    const std::uint64_t alignment = std::uint64_t{16} << random.below(5);
    const auto items = random_lifetimes(random);
    const memory_plan plan = plan_memory(items, alignment);
    REQUIRE(plan.offsets.size() == items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      REQUIRE(plan.offsets[i] % alignment == 0);
      REQUIRE(plan.offsets[i] + aligned(items[i].bytes, alignment) <= plan.bytes);
      for (std::size_t j = 0; j < i; ++j) {
        const bool together = items[i].first <= items[j].last && items[j].first <= items[i].last;
        const bool share =
            plan.offsets[i] < plan.offsets[j] + items[j].bytes && plan.offsets[j] < plan.offsets[i] + items[i].bytes;
        REQUIRE_FALSE((together && share));
      }
    }
    REQUIRE(plan.bytes >= peak(items, alignment));
    REQUIRE(plan.bytes <= plan.bytes_unshared);
  }
}

TEST_CASE("a chain of equal values needs two places, however long it is") {
  std::vector<lifetime> chain;
  for (std::uint32_t i = 0; i < 100; ++i) chain.push_back({1000, i, i + 1});
  const memory_plan plan = plan_memory(chain, 16);
  CHECK(plan.bytes == 2 * 1008);
  CHECK(plan.bytes_unshared == 100 * 1008);
}

TEST_CASE("a plan is the same every time") {
  test::random_source random(7);
  const auto items = random_lifetimes(random);
  CHECK(plan_memory(items, 64).offsets == plan_memory(items, 64).offsets);
}
