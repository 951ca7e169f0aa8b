// Where links come from when it is not TCP: what a simulator puts in place of sockets, threads and random numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/link.hpp"

namespace troupe::wire {

class link_network {
public:
  virtual ~link_network() = default;
  /// Takes links from now on, as the node `self` with its address; `accepted` gets each when both sides have greeted.
  virtual result<void> listen(const node_identity& self, std::function<void(std::unique_ptr<link>)> accepted) = 0;
  /// Greets the node at `address` and calls `done` once, later, with the link or the reason why there is none.
  virtual void connect(const node_identity& self, const std::string& address, time_point deadline,
                       std::function<void(result<std::unique_ptr<link>>)> done) = 0;
  /// In place of the operating system's generator.
  virtual std::uint64_t random_number() = 0;
};

}  // namespace troupe::wire
