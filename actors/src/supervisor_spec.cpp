#include "troupe/actors/supervisor_spec.hpp"

#include <caf/actor.hpp>
#include <set>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

std::string_view to_string(restart_kind kind) noexcept {
  switch (kind) {
    case restart_kind::permanent: return "permanent";
    case restart_kind::transient: return "transient";
    case restart_kind::temporary: return "temporary";
  }
  return "unknown";
}

std::string_view to_string(restart_strategy strategy) noexcept {
  switch (strategy) {
    case restart_strategy::one_for_one: return "one_for_one";
    case restart_strategy::one_for_all: return "one_for_all";
    case restart_strategy::rest_for_one: return "rest_for_one";
  }
  return "unknown";
}

std::string_view to_string(child_kind kind) noexcept {
  switch (kind) {
    case child_kind::worker: return "worker";
    case child_kind::supervisor: return "supervisor";
  }
  return "unknown";
}

namespace {

// Names go into messages, logs and terminals.
bool printable(std::string_view text) noexcept {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

result<void> validate_name(std::string_view what, const std::string& name) {
  if (name.empty())
    return fail(errc::invalid_argument, "the {} is empty; every {} needs one character at least", what, what);
  if (name.size() > constants::child_name_bytes_max)
    return fail(errc::invalid_argument, "the {} '{}...' has {} bytes; at most {} are allowed", what, name.substr(0, 16),
                name.size(), constants::child_name_bytes_max);
  if (!printable(name))
    return fail(errc::invalid_argument, "the {} of {} bytes contains a control character; use printable text", what,
                name.size());
  return {};
}

// `low` is the least that makes sense, in milliseconds.
result<void> validate_time(std::string_view what, milliseconds value, milliseconds low) {
  if (value < low || value > constants::spec_time_max)
    return fail(errc::invalid_argument, "{} is {} ms; it must be from {} ms to {} ms", what, value.count(), low.count(),
                milliseconds(constants::spec_time_max).count());
  return {};
}

template <class Enum>
result<void> validate_enum(std::string_view what, Enum value) {
  if (to_string(value) == "unknown")
    return fail(errc::invalid_argument, "{} has the value {}, which names nothing", what, static_cast<int>(value));
  return {};
}

result<void> validate_fields(const child_spec& child) {
  TROUPE_CHECK(validate_enum("restart", child.restart));
  TROUPE_CHECK(validate_enum("kind", child.kind));
  TROUPE_CHECK(validate_time("shutdown", child.shutdown, milliseconds(0)));
  // A kill travels as a message: with no time at all even a healthy child would be abandoned.
  TROUPE_CHECK(validate_time("kill_timeout", child.kill_timeout, milliseconds(1)));
  if (child.probe) {
    TROUPE_CHECK(validate_time("probe.interval", child.probe->interval, milliseconds(1)));
    TROUPE_CHECK(validate_time("probe.hung", child.probe->hung, milliseconds(1)));
    if (child.probe->hung <= child.probe->interval)
      return fail(errc::invalid_argument, "probe.hung is {} ms; it must be above probe.interval, which is {} ms",
                  child.probe->hung.count(), child.probe->interval.count());
  }
  if (!child.start) return fail(errc::invalid_argument, "start is empty; give it a function that spawns the child");
  return {};
}

result<void> validate_fields(const supervisor_spec& spec) {
  TROUPE_CHECK(validate_enum("strategy", spec.strategy));
  TROUPE_CHECK(validate_time("window", spec.window, milliseconds(1)));
  TROUPE_CHECK(validate_time("backoff_initial", spec.backoff_initial, milliseconds(0)));
  TROUPE_CHECK(validate_time("backoff_max", spec.backoff_max, milliseconds(0)));
  if (spec.backoff_initial > spec.backoff_max)
    return fail(errc::invalid_argument, "backoff_initial is {} ms; it must not be above backoff_max, which is {} ms",
                spec.backoff_initial.count(), spec.backoff_max.count());
  if (spec.restarts_max > constants::restarts_max_limit)
    return fail(errc::invalid_argument, "restarts_max is {}; at most {} are allowed", spec.restarts_max,
                constants::restarts_max_limit);
  if (spec.children.size() > constants::children_max)
    return fail(errc::invalid_argument, "there are {} children; at most {} are allowed", spec.children.size(),
                constants::children_max);
  std::set<std::string_view> ids;
  for (const child_spec& child : spec.children) {
    TROUPE_CHECK(validate(child));
    if (!ids.insert(child.id).second)
      return fail(errc::invalid_argument, "two children have the id '{}'; ids must differ", child.id);
  }
  return {};
}

}  // namespace

result<void> validate(const child_spec& child) {
  TROUPE_CHECK(validate_name("child id", child.id));
  return validate_fields(child).while_doing("child '" + child.id + "'");
}

result<void> validate(const supervisor_spec& spec) {
  TROUPE_CHECK(validate_name("supervisor name", spec.name));
  return validate_fields(spec).while_doing("supervisor '" + spec.name + "'");
}

milliseconds time_to_stop(const supervisor_spec& spec) noexcept {
  // Messages to and from each child take their time too, on a busy machine.
  constexpr milliseconds per_child{10};
  milliseconds total = constants::child_shutdown;
  for (const child_spec& child : spec.children) total += child.shutdown + child.kill_timeout + per_child;
  return total < constants::spec_time_max ? total : constants::spec_time_max;
}

}  // namespace troupe
