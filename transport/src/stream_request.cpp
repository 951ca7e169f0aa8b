#include "troupe/transport/stream_request.hpp"

namespace troupe {

std::string_view to_string(stream_finish how) noexcept {
  switch (how) {
    case stream_finish::none: return "none";
    case stream_finish::end: return "end";
    case stream_finish::length: return "length";
    case stream_finish::context: return "context";
    case stream_finish::stop: return "stop";
    case stream_finish::cancelled: return "cancelled";
    case stream_finish::deadline: return "deadline";
    case stream_finish::failed: return "failed";
    case stream_finish::overloaded: return "overloaded";
  }
  return "unknown";
}

}  // namespace troupe
