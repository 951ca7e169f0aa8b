// How a message type lists its fields for CAF: one macro, so that moving to another CAF version touches one file.
#pragma once

#include <caf/meta/type_name.hpp>

/// Beside `struct ping { int n; };` write `TROUPE_MESSAGE_FIELDS(ping, x.n)`. The name is for printing only.
#define TROUPE_MESSAGE_FIELDS(type, ...)                                                             \
  template <class Inspector>                                                                         \
  typename Inspector::result_type inspect([[maybe_unused]] Inspector& f, [[maybe_unused]] type& x) { \
    return f(::caf::meta::type_name("troupe::" #type) __VA_OPT__(, ) __VA_ARGS__);                   \
  }
