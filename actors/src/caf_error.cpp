#include "caf_error.hpp"

#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>
#include <utility>
#include <vector>

namespace troupe {

namespace {

using trail = std::vector<std::string>;

errc kind_of(const caf::error& failure) {
  if (failure == caf::sec::request_timeout) return errc::deadline_exceeded;
  for (const caf::error& gone :
       {caf::error(caf::sec::request_receiver_down), caf::error(caf::exit_reason::unknown),
        caf::error(caf::exit_reason::remote_link_unreachable), caf::error(caf::exit_reason::unreachable),
        caf::error(caf::exit_reason::user_shutdown), caf::error(caf::exit_reason::kill)})
    if (failure == gone) return errc::unavailable;
  return errc::internal;
}

}  // namespace

caf::error to_caf(const error& failure) {
  return {static_cast<std::uint8_t>(failure.code()), error_category,
          caf::make_message(failure.message(), failure.trail())};
}

error from_caf(const caf::error& failure) {
  if (!failure) return {errc::internal, "there is no error to convert"};
  if (failure.category() != error_category) return {kind_of(failure), describe(failure)};
  const bool complete = failure.context().match_elements<std::string, trail>();
  error restored(static_cast<errc>(failure.code()),
                 complete ? failure.context().get_as<std::string>(0) : std::string(to_string(errc::internal)));
  if (complete)
    for (const std::string& step : failure.context().get_as<trail>(1)) restored.while_doing(step);
  return restored;
}

std::string describe(const caf::error& failure) {
  if (!failure || failure == caf::exit_reason::normal) return {};
  if (failure.category() == error_category) return from_caf(failure).to_string();
  if (failure.category() == caf::atom("exit")) return to_string(static_cast<caf::exit_reason>(failure.code()));
  if (failure.category() == caf::atom("system") && failure.context().empty())
    return to_string(static_cast<caf::sec>(failure.code()));
  return to_string(failure);
}

bool is_normal_end(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::normal || reason == caf::exit_reason::user_shutdown;
}

}  // namespace troupe
