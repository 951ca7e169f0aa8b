// Records from which plans are made.
#include <cmath>

#include "codec/record_codec.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t text_max = limits::short_text_bytes_max;

result<void> check(const ability& record) {
  for (const double rate : {record.operations_per_s, record.bytes_per_s})
    if (!std::isfinite(rate) || rate <= 0)
      return fail(errc::invalid_argument, "a node's ability has a rate of {}", rate);
  for (const double time : {record.dispatch_s, record.run_s})
    if (!std::isfinite(time) || time < 0)
      return fail(errc::invalid_argument, "a node's ability has a time of {} s", time);
  return {};
}

result<void> check(const tensor& payload) {
  if (payload.type() != dtype::u8 || payload.dims().rank() != 1 || payload.byte_size() > limits::probe_bytes_max)
    return fail(errc::invalid_argument, "a probe of a link carries {}; a list of at most {} bytes is allowed",
                payload.describe(), limits::probe_bytes_max);
  return {};
}

}  // namespace

result<void> write(const ability& record, schema::Ability::Builder to, record_writer& with) {
  TROUPE_CHECK(check(record));
  for (const std::string* text : {&record.device, &record.driver})
    TROUPE_CHECK(with.check_text(*text, text_max, "a text about a device"));
  to.setDevice(record.device);
  to.setDriver(record.driver);
  to.setMemoryBytes(record.memory_bytes);
  to.setOperationsPerS(record.operations_per_s);
  to.setBytesPerS(record.bytes_per_s);
  to.setDispatchS(record.dispatch_s);
  to.setRunS(record.run_s);
  return {};
}

result<void> read(schema::Ability::Reader from, ability& into, record_reader& with) {
  TROUPE_TRY(into.device, with.text(from.getDevice(), text_max, "a text about a device"));
  TROUPE_TRY(into.driver, with.text(from.getDriver(), text_max, "a text about a device"));
  into.memory_bytes = from.getMemoryBytes();
  into.operations_per_s = from.getOperationsPerS();
  into.bytes_per_s = from.getBytesPerS();
  into.dispatch_s = from.getDispatchS();
  into.run_s = from.getRunS();
  return check(into);
}

result<void> write(const link_probe& record, schema::LinkProbe::Builder to, record_writer& with) {
  TROUPE_CHECK(check(record.payload));
  return with.write(record.payload, to.initPayload());
}

result<void> read(schema::LinkProbe::Reader from, link_probe& into, record_reader& with) {
  TROUPE_CHECK(with.read(from.getPayload(), into.payload));
  return check(into.payload);
}

}  // namespace troupe::wire
