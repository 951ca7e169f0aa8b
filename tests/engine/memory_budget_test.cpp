// What a graph from elsewhere may ask a device to keep.
#include "device/memory_budget.hpp"

#include "support/cached_network.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("states that need more than there is are refused before any is made") {
  graph network = cached_network::make(1);
  // Each passes for a tensor; together they are more than any machine has.
  for (int i = 0; i < 64; ++i)
    network.add_state("large." + std::to_string(i), dtype::f32, {std::int64_t{1} << 20, std::int64_t{1} << 19});
  need(validate(network));
  const auto part = std::make_shared<const graph>(network);
  for (const device_info& info : need(list_devices())) {
    INFO(info.name);
    const auto opened =
        need(open_device(std::to_string(info.index), std::make_shared<const operator_table>(builtin_operators()), {}));
    const auto refused = opened->load(part, {.storage = dtype::f32});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == errc::out_of_memory);
    CHECK(refused.error().message().find("fewer sessions") != std::string::npos);
    CHECK(memory_budget(info) <= info.memory_bytes);
    CHECK(memory_budget(info) > 0);
  }
}

TEST_CASE("states are counted together, in the type in which they are kept") {
  graph network;
  network.add_state("a", dtype::f32, {10, 10});
  network.add_state("b", dtype::f32, {50});
  CHECK(check_states_fit(network, std::nullopt, 600));
  CHECK_FALSE(check_states_fit(network, std::nullopt, 599));
  CHECK(check_states_fit(network, dtype::f16, 300));
  CHECK_FALSE(check_states_fit(network, dtype::f16, 299));
}
