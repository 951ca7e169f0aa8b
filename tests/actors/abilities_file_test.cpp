#include "abilities_file.hpp"

#include <fstream>
#include <thread>

#include "support/check.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

device_info device_of(std::string name) {
  device_info made;
  made.name = std::move(name);
  made.driver = "driver 1";
  made.memory_bytes = 1000;
  return made;
}

node_ability ability_of(const device_info& of, double rate) {
  return {of.name, of.driver, usable_memory(of), rate, 2 * rate, 1e-6, 1e-5};
}

}  // namespace

TEST_CASE("what was measured is found again, for its device only") {
  const temporary_folder folder;
  const std::filesystem::path file = folder.path() / "new" / "abilities.json";
  const device_info first = device_of("first \"device\""), second = device_of("second");
  CHECK_FALSE(find_ability(file, first));
  need(keep_ability(file, ability_of(first, 1e9)));
  need(keep_ability(file, ability_of(second, 3e9)));
  need(keep_ability(file, ability_of(first, 2e9)));
  CHECK(find_ability(file, first) == ability_of(first, 2e9));
  CHECK(find_ability(file, second) == ability_of(second, 3e9));
  device_info updated = first;
  updated.driver = "driver 2";
  CHECK_FALSE(find_ability(file, updated));
}

TEST_CASE("a damaged file says nothing, and is replaced") {
  const temporary_folder folder;
  const std::filesystem::path file = folder.path() / "abilities.json";
  const device_info device = device_of("device");
  need(keep_ability(file, ability_of(device, 1e9)));
  std::string sound;
  std::getline(std::ifstream(file), sound, '\0');
  const auto with = [&](const std::string& text) {
    std::ofstream(file) << text;
    return find_ability(file, device);
  };
  CHECK(with(sound));
  for (std::size_t length = 0; length + 2 < sound.size(); length += 3) CHECK_FALSE(with(sound.substr(0, length)));
  for (const char* text : {"{}", "[1, null, \"x\", []]", "[{\"version\": 1}]"}) CHECK_FALSE(with(text));
  std::string negative = sound;
  negative.replace(negative.find("1000000000"), 1, "-");
  CHECK_FALSE(with(negative));
  CHECK_FALSE(with(std::string(2 << 20, ' ')));
  need(keep_ability(file, ability_of(device, 5e9)));
  CHECK(find_ability(file, device) == ability_of(device, 5e9));
}

TEST_CASE("one process measures at a time, and none waits for ever") {
  const temporary_folder folder;
  const std::filesystem::path file = folder.path() / "lock";
  const auto started = steady_clock::now();
  const file_lock held(file, std::chrono::seconds(1));
  const file_lock impatient(file, std::chrono::milliseconds(60));
  CHECK(steady_clock::now() - started >= std::chrono::milliseconds(60));
}
