// Which hosts a plan's parts may be placed on.
#include "host_table.hpp"

#include "support/check.hpp"

using namespace troupe;

TEST_CASE("parts go to the other node with the fewest, and to this process only when there is none") {
  host_table hosts(2);
  CHECK(hosts.local() == 2);
  CHECK_FALSE(hosts.wanted(2));
  CHECK(hosts.least_loaded() == 0u);
  hosts.carry(0, 5);
  CHECK(hosts.least_loaded() == 1u);
  CHECK(hosts.most_loaded() == 0u);
  CHECK(hosts.least_loaded({1}) == 0u);
  CHECK(hosts.least_loaded({0, 1}) == 2u);
  CHECK_FALSE(hosts.least_loaded({0, 1, 2}));
  hosts.lose(1);
  CHECK(hosts.least_loaded() == 0u);
  hosts.drain(0);
  CHECK(hosts.least_loaded() == 2u);
  CHECK(hosts.wanted(2));
  CHECK_FALSE(hosts.wanted(0));
  CHECK(hosts.alive(0));
  CHECK_FALSE(hosts.alive(1));
}

TEST_CASE("a host that comes later is another one than any before, also when it returns") {
  host_table hosts(1);
  hosts.carry(0, 1);
  hosts.lose(0);
  CHECK(hosts.add() == 2);
  CHECK(hosts.least_loaded() == 2u);
  CHECK(hosts.parts_of(2).empty());
  hosts.carry(2, 1);
  hosts.carry(2, 1);  // said twice, carried once
  CHECK(hosts.parts_of(2).size() == 1);
  hosts.release(2, 1);
  CHECK(hosts.parts_of(2).empty());
}
