// How an error says that the peer has closed the link and given a reason.
#pragma once

#include <string_view>

#include "troupe/engine/error.hpp"

namespace troupe::wire {

/// What the message of such an error begins with; the reason follows.
inline constexpr std::string_view farewell_prefix = "the peer has closed the link: ";

/// Whether the peer said why it closed the link. One that just ends says nothing.
inline bool is_farewell(const error& reason) {
  return reason.message().starts_with(farewell_prefix);
}

}  // namespace troupe::wire
