#include "troupe/transport/node_id.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {

result<node_id> make_node_id() {
  node_id made;
  if (::getrandom(&made, sizeof made, 0) != static_cast<ssize_t>(sizeof made))
    return fail(errc::internal, "the operating system gives no random bytes: {}", std::strerror(errno));
  if (!made) made.low = 1;
  return made;
}

std::string to_string(const node_id& id) {
  return fmt::format("{:016x}{:016x}", id.high, id.low);
}

}  // namespace troupe::wire
