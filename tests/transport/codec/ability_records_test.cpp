#include <cmath>

#include "forge.hpp"
#include "troupe/transport/limits.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

TEST_CASE("abilities that no device has are refused") {
  const ability sound{"device", "driver", 1, 1e9, 1e9, 0, 0};
  const auto refused = [](const ability& claimed) { return !encode({envelope_kind::response, 1, 0, {}, claimed}); };
  CHECK_FALSE(refused(sound));
  for (double ability::*rate : {&ability::operations_per_s, &ability::bytes_per_s})
    for (const double value : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
      ability claimed = sound;
      claimed.*rate = value;
      CHECK(refused(claimed));
    }
  for (double ability::*time : {&ability::dispatch_s, &ability::run_s})
    for (const double value : {-1e-9, std::nan(""), HUGE_VAL}) {
      ability claimed = sound;
      claimed.*time = value;
      CHECK(refused(claimed));
    }
  ability talkative = sound;
  talkative.device.assign(limits::short_text_bytes_max + 1, 'x');
  CHECK(refused(talkative));
}

TEST_CASE("a probe of a link is a bounded list of bytes") {
  const auto refused = [](dtype type, const shape& dims) {
    return !encode({envelope_kind::request, 1, 1, {}, link_probe{need(tensor::make(type, dims))}});
  };
  const auto most = static_cast<std::int64_t>(limits::probe_bytes_max);
  CHECK_FALSE(refused(dtype::u8, {0}));
  CHECK_FALSE(refused(dtype::u8, {most}));
  CHECK(refused(dtype::u8, {most + 1}));
  CHECK(refused(dtype::u8, {2, 2}));
  CHECK(refused(dtype::f32, {4}));
}
