#include "troupe/chaos/draw.hpp"

#include <algorithm>

#include "counted_random.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::chaos {
namespace {

/// What a number of a fault is for.
enum purpose : std::uint64_t { kind_of_fault, target, by_token, begins, lasts, parameter, how_many };

/// Parameters between half and twice the usual one: extremes hide what lies between.
std::uint64_t draw_parameter(const fault_kind_info& kind, std::uint64_t number) {
  const std::uint64_t low = std::max(kind.parameter_min, kind.parameter_usual / 2);
  const std::uint64_t high = std::min(kind.parameter_max, kind.parameter_usual * 2);
  return low + number % (high - low + 1);
}

microseconds up_to(microseconds most, std::uint64_t number) {
  // Whole milliseconds: plans are read by people.
  const auto count = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(most).count());
  return std::chrono::milliseconds(number % (count + 1));
}

}  // namespace

result<fault_plan> draw_plan(std::uint64_t seed, const draw_options& options) {
  std::vector<const fault_kind_info*> kinds;
  for (const fault_kind_info& each : fault_catalogue())
    if ((options.real ? each.real : each.simulated) && (each.recoverable || !options.recoverable) &&
        (options.kinds.empty() || std::count(options.kinds.begin(), options.kinds.end(), each.kind)))
      kinds.push_back(&each);
  if (kinds.empty())
    return fail(errc::invalid_argument, "no kind of fault can be {}; choose others",
                options.real ? "injected into real processes" : "simulated");
  if (options.faults_min > options.faults_max || options.faults_max > limits::faults_max)
    return fail(errc::invalid_argument, "{} to {} faults cannot be drawn; at most {}", options.faults_min,
                options.faults_max, limits::faults_max);
  if (options.horizon < microseconds(0) || options.horizon > limits::time_max ||
      options.lasting_max < std::chrono::milliseconds(1) || options.lasting_max > limits::time_max)
    return error(errc::invalid_argument, "faults begin within an hour and last 1 ms to an hour");

  fault_plan drawn;
  drawn.seed = seed;
  drawn.work = options.work;
  const std::uint64_t count =
      options.faults_min + random_below(options.faults_max - options.faults_min + 1, seed, UINT64_MAX, how_many);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto number = [&](purpose what) { return random_at(seed, i, what); };
    const fault_kind_info& kind = *kinds[number(kind_of_fault) % kinds.size()];
    fault made;
    made.kind = kind.kind;
    if (kind.target != fault_target::cluster)
      made.node = static_cast<std::uint32_t>(number(target) % std::max(1u, options.work.nodes));
    // Half of them hit an exact place of the work, the others any moment.
    if (options.real && number(by_token) % 2 == 0)  // simulations know times alone
      made.token = static_cast<std::uint32_t>(number(begins) % std::max(1u, options.work.tokens));
    else
      made.at = up_to(options.horizon, number(begins));
    if (kind.lasts)
      made.lasting = std::max<microseconds>(up_to(options.lasting_max, number(lasts)), std::chrono::milliseconds(1));
    if (!kind.parameter.empty()) made.parameter = draw_parameter(kind, number(parameter));
    drawn.faults.push_back(made);
  }
  TROUPE_CHECK(validate(drawn));
  return drawn;
}

}  // namespace troupe::chaos
