#include "device/lowering/hazards.hpp"

#include "support/check.hpp"

using namespace troupe;

namespace {

byte_range read(std::uint64_t begin, std::uint64_t end) {
  return {0, begin, end, false};
}
byte_range write(std::uint64_t begin, std::uint64_t end) {
  return {0, begin, end, true};
}

/// Commands with barriers where the tracker asks for them.
std::vector<recorded_command> record(const std::vector<std::vector<byte_range>>& commands) {
  hazard_tracker tracker;
  std::vector<recorded_command> made;
  for (const auto& ranges : commands) {
    if (tracker.record(ranges)) made.push_back({true, {}});
    made.push_back({false, ranges});
  }
  return made;
}

std::size_t barriers(const std::vector<recorded_command>& commands) {
  std::size_t count = 0;
  for (const auto& command : commands) count += command.barrier;
  return count;
}

std::vector<std::vector<byte_range>> random_commands(std::uint64_t seed) {
  test::random_source random(seed);
  std::vector<std::vector<byte_range>> commands(2 + random.below(40));
  for (auto& ranges : commands)
    for (std::uint64_t i = 0; i <= random.below(3); ++i) {
      const std::uint64_t begin = random.below(2000);
      ranges.push_back(
          {static_cast<std::uint32_t>(random.below(2)), begin, begin + 1 + random.below(200), random.below(3) == 0});
    }
  return commands;
}

}  // namespace

TEST_CASE("a barrier stands between a write and a later access to the same bytes") {
  CHECK(barriers(record({{write(0, 10)}, {read(5, 6)}})) == 1);
  CHECK(barriers(record({{write(0, 10)}, {write(9, 20)}})) == 1);
  CHECK(barriers(record({{read(0, 10)}, {write(9, 20)}})) == 1);
}

TEST_CASE("commands that do not meet run without a barrier") {
  CHECK(barriers(record({{write(0, 10)}, {read(10, 20)}})) == 0);
  CHECK(barriers(record({{read(0, 10)}, {read(0, 10)}})) == 0);
  CHECK(barriers(record({{{0, 0, 10, true}}, {{1, 0, 10, true}}})) == 0);
}

TEST_CASE("one barrier serves everything before it") {
  CHECK(barriers(record({{write(0, 10)}, {write(10, 20)}, {read(0, 10)}, {read(10, 20)}})) == 1);
}

TEST_CASE("what the tracker records passes the checker, and without any one of its barriers does not") {
  std::size_t removed = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    const auto commands = record(random_commands(seed));
    test::need(verify_barriers(commands));
    for (std::size_t i = 0; i < commands.size(); ++i) {
      if (!commands[i].barrier) continue;
      auto mutated = commands;
      mutated.erase(mutated.begin() + static_cast<std::ptrdiff_t>(i));
      const auto verdict = verify_barriers(mutated);
      REQUIRE_FALSE(verdict);
      REQUIRE(verdict.error().code() == errc::internal);
      ++removed;
    }
  }
  CHECK(removed > 500);
}
