#include "device/select.hpp"

#include "support/device_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::vector<device_info> some_devices() {
  std::vector<device_info> list(3);
  list[0].name = "NVIDIA H200";
  list[1].name = "llvmpipe (LLVM 15.0.6, 256 bits)";
  list[2].name = "reference";
  for (std::size_t i = 0; i < list.size(); ++i) list[i].index = i;
  return list;
}

}  // namespace

TEST_CASE("a device is named by nothing, a number, or part of its name in any case") {
  const auto list = some_devices();
  CHECK(need(select_device("", list)) == 0);
  CHECK(need(select_device("1", list)) == 1);
  CHECK(need(select_device("LLVMpipe", list)) == 1);
  CHECK(need(select_device("h200", list)) == 0);
  CHECK(need(select_device("Reference", list)) == 2);
}

TEST_CASE("an unknown device is refused with a list of those there are") {
  for (const char* selector : {"3", "99999999999999999999", "-1", "radeon"}) {
    const auto chosen = select_device(selector, some_devices());
    REQUIRE_FALSE(chosen);
    CHECK(chosen.error().code() == errc::invalid_argument);
    CHECK(chosen.error().message().find(selector) != std::string::npos);
    CHECK(chosen.error().message().find("0 \"NVIDIA H200\"") != std::string::npos);
    CHECK(chosen.error().message().find("2 \"reference\"") != std::string::npos);
  }
}

TEST_CASE("the list of devices ends with the reference, and every entry can be opened by its index") {
  const auto list = need(list_devices());
  REQUIRE_FALSE(list.empty());
  CHECK(list.back().kind == device_kind::reference);
  for (std::size_t i = 0; i < list.size(); ++i) {
    CHECK(list[i].index == i);
    const auto opened = need(open_device(std::to_string(i), device_operators()));
    CHECK(opened->info().name == list[i].name);
    CHECK(opened->info().index == i);
  }
}

TEST_CASE("a Vulkan device says what it is") {
  TROUPE_NEEDS_VULKAN();
  const device_info best = need(list_devices()).front();
  CHECK_FALSE(best.name.empty());
  CHECK_FALSE(best.driver.empty());
  CHECK(best.uuid.size() == 32);
  CHECK(best.memory_bytes > 0);
  CHECK(best.allocation_bytes_max > 0);
  CHECK(best.fp16_storage);
  CHECK(best.traits.subgroup_size >= 1);
  CHECK(best.traits.storage_range_max >= (std::uint64_t{1} << 27));
  CHECK(best.traits.software == (best.type == "cpu"));
}

TEST_CASE("the null device lowers a graph and answers zeros") {
  const auto nothing = need(open_device("null", device_operators()));
  graph_builder built;
  built.input("x", dtype::f32, {2, 3}).step("Relu", {"x"}, {"y"}).output("y").declare("y", dtype::f32, {2, 3});
  const auto loaded = load_on(*nothing, built);
  CHECK(loaded->stats().dispatches == 1);
  const auto outputs = need(loaded->run(std::vector{random_tensor({2, 3}, 1)}, soon()));
  REQUIRE(outputs.size() == 1);
  CHECK(bitwise_equal(outputs[0], need(tensor::make(dtype::f32, {2, 3}))));
}
