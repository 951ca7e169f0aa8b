#include "troupe/engine/error.hpp"

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument: return "invalid_argument";
    case errc::unsupported: return "unsupported";
    case errc::out_of_memory: return "out_of_memory";
    case errc::device_lost: return "device_lost";
    case errc::unavailable: return "unavailable";
    case errc::deadline_exceeded: return "deadline_exceeded";
    case errc::cancelled: return "cancelled";
    case errc::internal: return "internal";
    case errc::state_lost: return "state_lost";
  }
  return "unknown";
}

error& error::while_doing(std::string what) & {
  trail_.push_back(std::move(what));
  return *this;
}

error&& error::while_doing(std::string what) && {
  trail_.push_back(std::move(what));
  return std::move(*this);
}

std::string error::to_string() const {
  std::string text;
  for (auto step = trail_.rbegin(); step != trail_.rend(); ++step) text += *step + ": ";
  return text + message_;
}

}  // namespace troupe
