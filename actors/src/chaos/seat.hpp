// One node process behind its proxy, and the faults that are upon it. Used by one thread, which lives as long.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "troupe/chaos/cluster.hpp"
#include "troupe/chaos/node_process.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/transport/fault_proxy.hpp"
#include "troupe/transport/strangers.hpp"

namespace troupe::chaos {

class seat {
public:
  static result<std::unique_ptr<seat>> start(const cluster_options& options, std::uint32_t number);
  ~seat();

  const std::string& name() const noexcept { return name_; }
  std::string address() const { return proxy_->local().to_string(); }

  /// Begins a fault. False: there was nothing to hit.
  result<bool> begin(const fault& what, time_point now);
  /// Does what is due: repeats what repeats, ends what is over. `used`: whether the program works with this node.
  result<void> advance(time_point now, const std::function<bool()>& used);
  /// When `advance` has to be called next; the furthest time there is when nothing is upon the node.
  time_point next() const;
  /// Ends every fault, and starts the process if it is dead. Adds to `undone` what began and has hit nothing since:
  /// damage for which no bytes came.
  result<void> restore(std::vector<fault>& undone);

  /// A sentence for each time that the process ended although no fault was to end it.
  std::vector<std::string> take_problems() { return std::exchange(problems_, {}); }

private:
  struct upon {
    fault what;
    time_point ends;
    time_point repeats = time_point::max();
    bool odd = false;  ///< of what goes back and forth
    std::optional<wire::strangers> crowd;
    std::optional<std::uint64_t> former_limit;
  };

  seat(const cluster_options& options, std::uint32_t number);
  result<void> launch();
  bool is_upon(std::initializer_list<fault_kind> kinds) const;
  result<bool> hit(upon& fresh, time_point now);
  result<bool> hit_once(const fault& what);
  result<bool> damage_cache(const fault& what);
  result<bool> visit(upon& fresh);
  void repeat(upon& each, time_point now, const std::function<bool()>& used);
  /// Brings what combines (rules of the proxy, standing still) in line with the faults that are upon the node.
  void align();
  void limit(upon& by, int resource, std::uint64_t soft);
  void end(upon& over);
  result<void> revive();

  const cluster_options& options_;
  const std::string name_;
  const std::uint64_t seed_;
  std::string listen_ = "127.0.0.1:0";
  std::filesystem::path folder_;  ///< empty: none
  std::optional<node_process> process_;
  std::unique_ptr<wire::fault_proxy> proxy_;
  std::list<upon> upon_;
  std::vector<fault> damages_;  ///< that the proxy was told of, since the last `restore`
  bool stands_still_ = false;
  bool may_end_ = false;  ///< a fault took from the process what it cannot live without
  std::uint64_t drawn_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace troupe::chaos
