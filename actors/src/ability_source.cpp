#include "ability_source.hpp"

#include "abilities_file.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {
/// As long as a few others may take that measure their devices on this machine.
constexpr std::chrono::seconds lock_patience{30};
}  // namespace

std::optional<node_ability> ability_source::known() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

result<node_ability> ability_source::get() {
  const std::lock_guard one_at_a_time(measuring_);
  if (const auto already = known()) return *already;
  TROUPE_TRY(const auto opened, open_());
  const std::filesystem::path file = directory_ / "abilities.json";
  std::optional<node_ability> found;
  if (!directory_.empty()) {
    const file_lock turn(directory_ / "abilities.lock", lock_patience);
    found = find_ability(file, opened->info());
    if (!found) {
      TROUPE_TRY(found, measure_ability(*opened));
      // Measured again next time when it cannot be kept; plans need it now.
      (void)keep_ability(file, *found);
    }
  } else {
    TROUPE_TRY(found, measure_ability(*opened));
  }
  const std::lock_guard lock(mutex_);
  known_ = found;
  return *found;
}

}  // namespace troupe
