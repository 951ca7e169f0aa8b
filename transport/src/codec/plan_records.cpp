// Records about plans and their parts.
#include "codec/record_codec.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {

result<void> write(const load_part& record, schema::LoadPart::Builder to, record_writer& with) {
  TROUPE_CHECK(with.check_text(record.device, limits::short_text_bytes_max, "the selector of a device"));
  to.setPlanId(record.plan_id);
  to.setPart(record.part);
  to.setKind(static_cast<std::uint8_t>(record.kind));
  TROUPE_CHECK(with.write(record.model, to.initGraph()));
  to.setStorage(static_cast<std::uint8_t>(record.storage));
  to.setDevice(record.device);
  to.setRestartIntensity(record.restart_intensity);
  to.setWindowMs(record.window_ms);
  to.setHost(record.host);
  return with.write(record.observer, to.initObserver());
}

result<void> read(schema::LoadPart::Reader from, load_part& into, record_reader& with) {
  into.plan_id = from.getPlanId();
  into.part = from.getPart();
  into.kind = static_cast<part_kind>(from.getKind());
  if (into.kind < part_kind::stage || into.kind > part_kind::member)
    return fail(errc::invalid_argument, "the kind {} of a part is unknown", from.getKind());
  TROUPE_TRY(into.storage, with.element_type(from.getStorage()));
  if (into.storage != dtype::f16 && into.storage != dtype::f32)
    return fail(errc::invalid_argument, "weights cannot be kept as {}", to_string(into.storage));
  TROUPE_TRY(into.device, with.text(from.getDevice(), limits::short_text_bytes_max, "the selector of a device"));
  into.restart_intensity = from.getRestartIntensity();
  into.window_ms = from.getWindowMs();
  into.host = from.getHost();
  TROUPE_CHECK(with.read(from.getObserver(), into.observer));
  return with.read(from.getGraph(), into.model);
}

result<void> write(const part_up& record, schema::PartUp::Builder to, record_writer& with) {
  TROUPE_CHECK(with.check_text(record.device_name, limits::short_text_bytes_max, "the name of a device"));
  to.setPlanId(record.plan_id);
  to.setPart(record.part);
  to.setIncarnation(record.incarnation);
  to.setDeviceName(record.device_name);
  TROUPE_CHECK(with.check_text(record.node_name, limits::short_text_bytes_max, "the name of a node"));
  to.setHost(record.host);
  to.setNodeName(record.node_name);
  return with.write(record.shard, to.initShard());
}

result<void> read(schema::PartUp::Reader from, part_up& into, record_reader& with) {
  into.plan_id = from.getPlanId();
  into.part = from.getPart();
  into.incarnation = from.getIncarnation();
  TROUPE_TRY(into.device_name, with.text(from.getDeviceName(), limits::short_text_bytes_max, "the name of a device"));
  into.host = from.getHost();
  TROUPE_TRY(into.node_name, with.text(from.getNodeName(), limits::short_text_bytes_max, "the name of a node"));
  return with.read(from.getShard(), into.shard);
}

result<void> write(const part_failed& record, schema::PartFailed::Builder to, record_writer& with) {
  to.setPlanId(record.plan_id);
  to.setPart(record.part);
  to.setHost(record.host);
  with.write(record.failure, to.initFailure());
  return {};
}

result<void> read(schema::PartFailed::Reader from, part_failed& into, record_reader& with) {
  into.plan_id = from.getPlanId();
  into.part = from.getPart();
  into.host = from.getHost();
  return with.read(from.getFailure(), into.failure);
}

result<void> write(const unload_plan& record, schema::UnloadPlan::Builder to, record_writer&) {
  to.setPlanId(record.plan_id);
  return {};
}

result<void> read(schema::UnloadPlan::Reader from, unload_plan& into, record_reader&) {
  into.plan_id = from.getPlanId();
  return {};
}

result<void> write(const unload_part& record, schema::UnloadPart::Builder to, record_writer&) {
  to.setPlanId(record.plan_id);
  to.setPart(record.part);
  to.setHost(record.host);
  return {};
}

result<void> read(schema::UnloadPart::Reader from, unload_part& into, record_reader&) {
  into = {from.getPlanId(), from.getPart(), from.getHost()};
  return {};
}

result<void> write(const node_leaving& record, schema::NodeLeaving::Builder to, record_writer&) {
  to.setPlanId(record.plan_id);
  to.setHost(record.host);
  return {};
}

result<void> read(schema::NodeLeaving::Reader from, node_leaving& into, record_reader&) {
  into = {from.getPlanId(), from.getHost()};
  return {};
}

result<void> write(const kill_part& record, schema::KillPart::Builder to, record_writer&) {
  to.setPlanId(record.plan_id);
  to.setPart(record.part);
  to.setHow(static_cast<std::uint8_t>(record.how));
  return {};
}

result<void> read(schema::KillPart::Reader from, kill_part& into, record_reader&) {
  into.plan_id = from.getPlanId();
  into.part = from.getPart();
  into.how = static_cast<kill_how>(from.getHow());
  if (into.how < kill_how::actor_exit || into.how > kill_how::process)
    return fail(errc::invalid_argument, "the way {} to kill a part is unknown", from.getHow());
  return {};
}

}  // namespace troupe::wire
