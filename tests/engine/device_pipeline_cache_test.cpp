#include "device/vulkan/pipeline_cache.hpp"

#include <filesystem>
#include <fstream>

#include "support/device_case.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::vulkan;

namespace {

const cache_identity ours{1, 2, 3, {4, 5, 6}};

std::vector<std::byte> some_data() {
  std::vector<std::byte> data(100);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7);
  return data;
}

}  // namespace

TEST_CASE("a pipeline cache file comes back as it was written") {
  CHECK(decode_cache(ours, encode_cache(ours, some_data())) == some_data());
  CHECK(decode_cache(ours, encode_cache(ours, {})) == std::vector<std::byte>());
}

TEST_CASE("a pipeline cache file of another device or driver is ignored") {
  const auto file = encode_cache(ours, some_data());
  for (int field = 0; field < 4; ++field) {
    cache_identity other = ours;
    if (field == 0) ++other.vendor_id;
    if (field == 1) ++other.device_id;
    if (field == 2) ++other.driver_version;
    if (field == 3) ++other.uuid[15];
    CHECK_FALSE(decode_cache(other, file));
  }
}

TEST_CASE("a pipeline cache file with any changed byte is ignored") {
  const auto file = encode_cache(ours, some_data());
  for (std::size_t i = 0; i < file.size(); ++i) {
    auto damaged = file;
    damaged[i] ^= std::byte{1};
    INFO("byte " << i);
    REQUIRE_FALSE(decode_cache(ours, damaged));
  }
}

TEST_CASE("a pipeline cache file that is cut or too long is ignored") {
  const auto file = encode_cache(ours, some_data());
  for (std::size_t size = 0; size < file.size(); ++size) REQUIRE_FALSE(decode_cache(ours, std::span(file).first(size)));
  auto longer = file;
  longer.push_back(std::byte{0});
  CHECK_FALSE(decode_cache(ours, longer));
}

TEST_CASE("a device keeps its pipelines in the cache directory and survives what it finds there") {
  TROUPE_NEEDS_VULKAN();
  const temporary_folder folder;
  const std::string directory = (folder.path() / "made" / "on demand").string();
  graph_builder built;
  built.input("x", dtype::f32, {4}).step("Relu", {"x"}, {"y"}).output("y");
  const std::vector inputs{random_tensor({4}, 3)};
  const auto expected = by_reference(built, inputs);
  const auto run_once = [&] {
    message_log log;
    device_options options;
    options.pipeline_cache_directory = directory;
    options.on_message = log.sink();
    const auto opened = need(open_vulkan(options));
    CHECK(same(need(load_on(*opened, built)->run(inputs, soon())), expected));
    CHECK(log.all().empty());
  };
  run_once();
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  REQUIRE(files.size() == 1);
  const auto intact = std::filesystem::file_size(files[0]);
  CHECK(intact > 56);
  run_once();
  for (const char* contents : {"", "troupeP1", "what is this?"}) {
    std::ofstream(files[0], std::ios::binary | std::ios::trunc) << contents;
    run_once();
    CHECK(std::filesystem::file_size(files[0]) == intact);
  }
}

TEST_CASE("a cache directory that cannot be made is reported and does no harm") {
  TROUPE_NEEDS_VULKAN();
  message_log log;
  device_options options;
  options.pipeline_cache_directory = "/dev/null/cache";
  options.on_message = log.sink();
  graph_builder built;
  built.input("x", dtype::f32, {4}).step("Relu", {"x"}, {"y"}).output("y");
  const auto opened = need(open_vulkan(options));
  need(load_on(*opened, built)->run(std::vector{random_tensor({4}, 3)}, soon()));
  REQUIRE(log.all().size() == 1);
  CHECK(log.all()[0].find("cannot be written") != std::string::npos);
}
