#include "abilities_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

using json = nlohmann::json;

/// A few hundred bytes for each device that was ever used here.
constexpr std::uintmax_t file_bytes_max = 1 << 20;
constexpr std::chrono::milliseconds polling{20};

json read(const std::filesystem::path& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  if (failed || size > file_bytes_max) return json::array();
  std::ifstream from(file);
  json all = json::parse(from, nullptr, false);
  return all.is_array() ? all : json::array();
}

bool is_of(const json& entry, const std::string& device, const std::string& driver) {
  return entry.is_object() && entry.value("version", json()) == TROUPE_VERSION &&
         entry.value("device", json()) == device && entry.value("driver", json()) == driver;
}

}  // namespace

std::optional<node_ability> find_ability(const std::filesystem::path& file, const device_info& of) {
  for (const json& entry : read(file)) {
    if (!is_of(entry, of.name, of.driver)) continue;
    const auto number = [&](const char* key) {
      const auto found = entry.find(key);
      return found != entry.end() && found->is_number() ? found->get<double>() : -1.0;
    };
    node_ability made;
    made.device = of.name;
    made.driver = of.driver;
    made.memory_bytes = usable_memory(of);
    made.operations_per_s = number("operations_per_s");
    made.bytes_per_s = number("bytes_per_s");
    made.dispatch_s = number("dispatch_s");
    made.run_s = number("run_s");
    if (check(made)) return made;
  }
  return std::nullopt;
}

result<void> keep_ability(const std::filesystem::path& file, const node_ability& measured) {
  const auto failed = [&](std::string_view what, const std::string& why) {
    return fail(errc::unavailable, "{} cannot be {}: {}", file.string(), what, why);
  };
  std::error_code made;
  std::filesystem::create_directories(file.parent_path(), made);
  if (made) return failed("written", made.message());
  json all = json::array();
  for (json& entry : read(file))
    if (entry.is_object() && entry.value("version", json()) == TROUPE_VERSION &&
        !is_of(entry, measured.device, measured.driver))
      all.push_back(std::move(entry));
  all.push_back({{"version", TROUPE_VERSION},
                 {"device", measured.device},
                 {"driver", measured.driver},
                 {"operations_per_s", measured.operations_per_s},
                 {"bytes_per_s", measured.bytes_per_s},
                 {"dispatch_s", measured.dispatch_s},
                 {"run_s", measured.run_s}});
  const std::filesystem::path fresh = file.string() + "." + std::to_string(::getpid());
  {
    std::ofstream to(fresh);
    to << all.dump(1, ' ', false, json::error_handler_t::replace) << '\n';
    if (!to.flush()) return failed("written", std::strerror(errno));
  }
  std::error_code renamed;
  std::filesystem::rename(fresh, file, renamed);
  if (renamed) return failed("replaced", renamed.message());
  return {};
}

file_lock::file_lock(const std::filesystem::path& file, std::chrono::milliseconds patience) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const time_point end = steady_clock::now() + patience;
  while (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && steady_clock::now() < end)
    std::this_thread::sleep_for(polling);
}

file_lock::~file_lock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace troupe
