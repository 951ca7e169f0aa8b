#include "error_conversion.hpp"

#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr auto category = caf::atom("troupe");

std::string text_of(const caf::error& failure) {
  const caf::message& context = failure.context();
  return context.match_elements<std::string>() ? context.get_as<std::string>(0) : std::string();
}

}  // namespace

caf::error to_caf(const error& failure) {
  return {static_cast<std::uint8_t>(failure.code()), category, caf::make_message(failure.to_string())};
}

error from_caf(const caf::error& failure) {
  if (failure.category() == category) return {static_cast<errc>(failure.code()), text_of(failure)};
  if (failure.category() == caf::atom("exit")) {
    const auto reason = static_cast<caf::exit_reason>(failure.code());
    return fail(errc::unavailable, "the actor ended: {}", caf::to_string(reason));
  }
  if (failure.category() == caf::atom("system")) {
    const auto code = static_cast<caf::sec>(failure.code());
    switch (code) {
      case caf::sec::request_timeout: return error(errc::deadline_exceeded, "an actor did not answer in time");
      case caf::sec::request_receiver_down: return error(errc::unavailable, "the actor ended before it answered");
      default: return fail(errc::internal, "the actor runtime reports {} {}", caf::to_string(code), text_of(failure));
    }
  }
  return fail(errc::internal, "an actor ended with the unknown error {}", failure.code());
}

}  // namespace troupe
