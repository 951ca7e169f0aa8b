// Who has which page, and which texts can be found: against a plain model of the same, over random operations.
#include "generation/page_pool.hpp"

#include <random>
#include <set>

#include "support/check.hpp"

using namespace troupe;

namespace {

std::vector<std::int32_t> page_of(std::int32_t kind) {
  return std::vector<std::int32_t>(cache_page_positions, kind);
}

}  // namespace

TEST_CASE("pages are given out once, and come back") {
  page_pool pool(5);
  CHECK(pool.size() == 4);
  std::set<page_pool::page> taken;
  while (const auto page = pool.take()) {
    CHECK(*page >= 1);
    CHECK(*page <= 4);
    CHECK(taken.insert(*page).second);
  }
  CHECK(taken.size() == 4);
  CHECK(pool.available() == 0);
  for (const auto page : taken) pool.release(page);
  CHECK(pool.available() == 4);
}

TEST_CASE("a text that a session left is found, until its room is needed") {
  page_pool pool(4);
  const auto first = *pool.take(), second = *pool.take();
  const auto a = pool.remember(first, 0, page_of(1));
  const auto ab = pool.remember(second, a, page_of(2));
  CHECK(ab != a);
  CHECK_FALSE(pool.find(0, page_of(2)));
  CHECK_FALSE(pool.find(ab, page_of(2)));
  pool.release(first);
  pool.release(second);
  CHECK(pool.available() == 3);
  const auto again = pool.find(0, page_of(1));
  REQUIRE(again);
  CHECK(again->which == first);
  CHECK(again->after == a);
  CHECK(pool.available() == 2);
  // The page that is only kept goes before the one that is in use.
  CHECK(pool.take() != second);  // the free one
  CHECK(*pool.take() == second);
  CHECK_FALSE(pool.take());
  CHECK_FALSE(pool.find(a, page_of(2)));
  CHECK(pool.find(0, page_of(1)));
}

TEST_CASE("an equal page that was there before keeps the name") {
  page_pool pool(4);
  const auto one = *pool.take(), other = *pool.take();
  const auto name = pool.remember(one, 0, page_of(7));
  CHECK(pool.remember(other, 0, page_of(7)) == name);
  pool.release(other);  // nobody could find it, so it is free
  pool.release(one);
  CHECK(pool.find(0, page_of(7))->which == one);
}

TEST_CASE("what a lost cache held is not found again") {
  page_pool pool(3);
  const auto page = *pool.take();
  const auto name = pool.remember(page, 0, page_of(1));
  pool.forget_contents();
  CHECK_FALSE(pool.find(0, page_of(1)));
  CHECK(pool.remember(page, 0, page_of(1)) != name);
  pool.release(page);
  CHECK(pool.available() == 2);
  pool.forget_contents();
  CHECK(pool.take());
  CHECK(pool.take());
  CHECK_FALSE(pool.take());
}

TEST_CASE("random operations keep every page in exactly one place") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    page_pool pool(9);
    std::vector<page_pool::page> used;  // once for each use
    for (int step = 0; step < 400; ++step) {
      const auto pick = [&](std::size_t count) {
        return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
      };
      switch (pick(5)) {
        case 0:
        case 1:
          if (const auto page = pool.take()) {
            CHECK(std::count(used.begin(), used.end(), *page) == 0);
            used.push_back(*page);
          }
          break;
        case 2:
          if (!used.empty()) {
            const std::size_t which = pick(used.size());
            pool.release(used[which]);
            used.erase(used.begin() + static_cast<std::ptrdiff_t>(which));
          }
          break;
        case 3:
          if (!used.empty())
            pool.remember(used[pick(used.size())], pick(3), page_of(static_cast<std::int32_t>(pick(4))));
          break;
        default:
          if (const auto found = pool.find(pick(3), page_of(static_cast<std::int32_t>(pick(4)))))
            used.push_back(found->which);
      }
      if (pick(100) == 0) pool.forget_contents();
      CHECK(pool.available() == pool.size() - std::set<page_pool::page>(used.begin(), used.end()).size());
    }
  }
}
