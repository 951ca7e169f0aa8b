// Records about running requests.
#include <cmath>

#include "codec/record_codec.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

result<void> check_counts(std::size_t hops, std::size_t tensors, std::size_t stages) {
  if (hops > limits::route_hops_max)
    return fail(errc::invalid_argument, "a step has {} hops to go; at most {} are allowed", hops,
                limits::route_hops_max);
  if (tensors > limits::step_tensors_max)
    return fail(errc::invalid_argument, "a step carries {} tensors; at most {} are allowed", tensors,
                limits::step_tensors_max);
  if (stages > limits::route_hops_max)
    return fail(errc::invalid_argument, "a step tells the times of {} stages; at most {} are allowed", stages,
                limits::route_hops_max);
  return {};
}

result<void> check_seconds(float taken) {
  if (std::isfinite(taken) && taken >= 0) return {};
  return fail(errc::invalid_argument, "a stage of a step is said to have taken {} s", taken);
}

}  // namespace

result<void> write(const step& record, schema::Step::Builder to, record_writer& with) {
  TROUPE_CHECK(check_counts(record.route.size(), record.tensors.size(), record.stage_seconds.size()));
  to.setPlanId(record.plan_id);
  to.setRequest(record.request);
  to.setAttempt(record.attempt);
  to.setMicro(record.micro);
  to.setStage(record.stage);
  to.setDeadlineMs(record.deadline_ms);
  to.setSlice(record.slice);
  auto route = to.initRoute(static_cast<unsigned>(record.route.size()));
  for (unsigned i = 0; i < route.size(); ++i) TROUPE_CHECK(with.write(record.route[i], route[i]));
  TROUPE_CHECK(with.write(record.origin, to.initOrigin()));
  auto tensors = to.initTensors(static_cast<unsigned>(record.tensors.size()));
  for (unsigned i = 0; i < tensors.size(); ++i) TROUPE_CHECK(with.write(record.tensors[i], tensors[i]));
  auto seconds = to.initStageSeconds(static_cast<unsigned>(record.stage_seconds.size()));
  for (unsigned i = 0; i < seconds.size(); ++i) {
    TROUPE_CHECK(check_seconds(record.stage_seconds[i]));
    seconds.set(i, record.stage_seconds[i]);
  }
  return {};
}

result<void> read(schema::Step::Reader from, step& into, record_reader& with) {
  const auto route = from.getRoute();
  const auto tensors = from.getTensors();
  const auto seconds = from.getStageSeconds();
  TROUPE_CHECK(check_counts(route.size(), tensors.size(), seconds.size()));
  into.plan_id = from.getPlanId();
  into.request = from.getRequest();
  into.attempt = from.getAttempt();
  into.micro = from.getMicro();
  into.stage = from.getStage();
  into.deadline_ms = from.getDeadlineMs();
  into.slice = from.getSlice();
  TROUPE_CHECK(with.charge(route.size(), sizeof(actor_ref)));
  into.route.resize(route.size());
  for (unsigned i = 0; i < route.size(); ++i) TROUPE_CHECK(with.read(route[i], into.route[i]));
  TROUPE_CHECK(with.read(from.getOrigin(), into.origin));
  TROUPE_CHECK(with.charge(tensors.size(), sizeof(tensor)));
  into.tensors.resize(tensors.size());
  for (unsigned i = 0; i < tensors.size(); ++i)
    TROUPE_CHECK(with.read(tensors[i], into.tensors[i]).while_doing(fmt::format("reading tensor {} of a step", i)));
  TROUPE_CHECK(with.charge(seconds.size(), sizeof(float)));
  into.stage_seconds.clear();
  for (const float taken : seconds) {
    TROUPE_CHECK(check_seconds(taken));
    into.stage_seconds.push_back(taken);
  }
  return {};
}

result<void> write(const step_failed& record, schema::StepFailed::Builder to, record_writer& with) {
  to.setPlanId(record.plan_id);
  to.setRequest(record.request);
  to.setAttempt(record.attempt);
  to.setMicro(record.micro);
  to.setStage(record.stage);
  with.write(record.failure, to.initFailure());
  return {};
}

result<void> read(schema::StepFailed::Reader from, step_failed& into, record_reader& with) {
  into.plan_id = from.getPlanId();
  into.request = from.getRequest();
  into.attempt = from.getAttempt();
  into.micro = from.getMicro();
  into.stage = from.getStage();
  return with.read(from.getFailure(), into.failure);
}

result<void> write(const cancel& record, schema::Cancel::Builder to, record_writer&) {
  to.setPlanId(record.plan_id);
  to.setRequest(record.request);
  return {};
}

result<void> read(schema::Cancel::Reader from, cancel& into, record_reader&) {
  into.plan_id = from.getPlanId();
  into.request = from.getRequest();
  return {};
}

}  // namespace troupe::wire
