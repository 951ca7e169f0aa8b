#include "simulation/fault_injector.hpp"

#include "runtime.hpp"

namespace troupe::simulation {

void fault_injector::later(duration delay, std::function<void()> what) {
  ++pending_;
  cluster_.time().after(delay, [this, what = std::move(what)] {
    --pending_;
    what();
  });
}

void fault_injector::arm(const std::vector<fault>& faults) {
  for (const fault& each : faults) {
    ++armed_[static_cast<std::size_t>(each.kind)];
    later(each.at, [this, each] { inject(each); });
  }
}

std::array<std::uint32_t, fault_kinds> fault_injector::fired() const {
  auto made = fired_;
  std::array<std::uint32_t, 4> counts = ended_counts_;
  for (const auto& host : cluster_.hosts()) {
    if (!host.device) continue;
    counts[0] += host.device->thrown;
    counts[1] += host.device->lost_steps;
    counts[2] += host.device->refused_loads;
    counts[3] += host.device->lacked_memory;
  }
  const auto at_most_armed = [&](fault_kind kind, std::uint32_t count) {
    const auto index = static_cast<std::size_t>(kind);
    made[index] = std::min(armed_[index], count);
  };
  at_most_armed(fault_kind::shard_throws, counts[0]);
  at_most_armed(fault_kind::load_fails, counts[2]);
  at_most_armed(fault_kind::no_device_memory, counts[3]);
  at_most_armed(fault_kind::device_lost, counts[1]);
  at_most_armed(fault_kind::corrupt_frame, cluster_.network().damaged(wire::frame_damage::flip));
  at_most_armed(fault_kind::truncate_frame, cluster_.network().damaged(wire::frame_damage::truncate));
  at_most_armed(fault_kind::duplicate_frame, cluster_.network().damaged(wire::frame_damage::duplicate));
  return made;
}

void fault_injector::keep_counts(std::uint32_t host) {
  const auto& device = cluster_.at(host).device;
  if (!device) return;
  ended_counts_[0] += device->thrown;
  ended_counts_[1] += device->lost_steps;
  ended_counts_[2] += device->refused_loads;
  ended_counts_[3] += device->lacked_memory;
}

void fault_injector::inject(const fault& what) {
  const auto hosts = static_cast<std::uint32_t>(cluster_.hosts().size());
  const std::uint32_t host = what.node % hosts;
  const auto peer = static_cast<std::uint32_t>(what.parameter % hosts);
  auto& here = cluster_.at(host);
  cluster_.note(0xfa017u + static_cast<std::uint64_t>(what.kind) * 256 + host);
  cluster_.trace("FAULT {} at host {} for {} us ({})", to_string(what.kind), host, what.lasting.count(),
                 what.parameter);
  if (!here.alive) return;
  const time_point end = cluster_.now() + what.lasting;
  switch (what.kind) {
    case fault_kind::shard_throws: here.device->throws_next = true; return;
    case fault_kind::device_lost: here.device->fails_next = errc::device_lost; return;
    case fault_kind::step_lacks_memory: here.device->fails_next = errc::out_of_memory; return happened(what);
    case fault_kind::load_fails: here.device->no_load_until = end; return kill(what, host, "troupe.shard");
    case fault_kind::no_device_memory: here.device->no_memory_until = end; return kill(what, host, "troupe.shard");
    case fault_kind::kill_shard: return kill(what, host, "troupe.shard");
    case fault_kind::hang_shard: return hang(what, host, "troupe.shard");
    case fault_kind::hang_node_actor: return hang(what, host, "troupe.node");
    case fault_kind::kill_supervisor:
      // The root is the process; it has a kind of its own. On the program's host the first one below it is the model's.
      if (const auto found = cluster_.find(0, "troupe.supervisor");
          host == 0 && found.size() > 1 && what.parameter % (found.size() - 1) == 0) {
        model_ended_ = true;
        program_.model_ended();
      }
      return kill(what, host, "troupe.supervisor", 1);
    case fault_kind::kill_coordinator: return kill(what, 0, "troupe.coordinator");
    case fault_kind::kill_aggregator: return kill(what, 0, "troupe.aggregator");
    case fault_kind::kill_store: return kill(what, host, "troupe.store");
    case fault_kind::kill_node_actor: return kill(what, host, "troupe.node");
    case fault_kind::kill_membership: return kill(what, host, "troupe.membership");
    case fault_kind::kill_process: return end_process(what, host, false);
    case fault_kind::power_loss: return end_process(what, host, true);
    case fault_kind::freeze_process:
      happened(what);
      if (host == 0) program_.excuse(what.lasting);
      if (++frozen_[host] == 1) cluster_.freeze(host);
      return later(what.lasting, [this, host] {
        if (--frozen_[host] == 0 && cluster_.at(host).alive) cluster_.thaw(host);
      });
    case fault_kind::reset_link:
      if (cluster_.network().reset(host, peer)) happened(what);
      return;
    case fault_kind::partition:
      if (host == peer) return;
      happened(what);
      block(host, peer, what.lasting);
      return block(peer, host, what.lasting);
    case fault_kind::one_way:
      if (host == peer) return;
      happened(what);
      return block(host, peer, what.lasting);
    case fault_kind::slow_link:
      happened(what);
      return change_path(host, peer, what.lasting, [](wire::path& over) {
        over.delay = std::chrono::milliseconds(5);
        over.jitter = std::chrono::milliseconds(495);
      });
    case fault_kind::narrow_link:
      happened(what);
      return change_path(host, peer, what.lasting, [](wire::path& over) { over.bytes_per_s = 1e6; });
    case fault_kind::duplicate_frame: return cluster_.network().damage_next(host, peer, wire::frame_damage::duplicate);
    case fault_kind::corrupt_frame: return cluster_.network().damage_next(host, peer, wire::frame_damage::flip);
    case fault_kind::truncate_frame: return cluster_.network().damage_next(host, peer, wire::frame_damage::truncate);
    case fault_kind::slow_device:
      happened(what);
      here.slow_until = end;
      return;
    case fault_kind::hang_device:
      happened(what);
      here.hang_next = what.lasting;
      return;
    case fault_kind::cancel_request:
      if (program_.cancel_newest()) happened(what);
      return;
    case fault_kind::count: return;
  }
}

void fault_injector::kill(const fault& what, std::uint32_t host, std::string_view name, std::size_t first) {
  const auto found = cluster_.find(host, name);
  if (found.size() <= first) return;
  const caf::actor& whom = found[first + what.parameter % (found.size() - first)];
  cluster_.as_host(host, [&] { kill_now(whom.address(), whom); });
  if (what.kind != fault_kind::load_fails && what.kind != fault_kind::no_device_memory) happened(what);
}

void fault_injector::hang(const fault& what, std::uint32_t host, std::string_view name) {
  const auto found = cluster_.find(host, name);
  if (found.empty()) return;
  cluster_.hang(found[what.parameter % found.size()], what.lasting);
  happened(what);
}

void fault_injector::end_process(const fault& what, std::uint32_t host, bool silently) {
  if (host == 0) return;  // its program would end with it
  happened(what);
  keep_counts(host);
  cluster_.kill(host, silently);
  later(what.lasting, [this, host] {
    if (!cluster_.at(host).alive) cluster_.start(host, {});
  });
}

void fault_injector::block(std::uint32_t from, std::uint32_t to, duration lasting) {
  const auto set = [this, from, to](bool blocked) {
    wire::path now = cluster_.network().path_of(from, to);
    now.blocked = blocked;
    cluster_.network().set_path(from, to, now);
  };
  if (++blocked_[{from, to}] == 1) set(true);
  later(lasting, [this, from, to, set] {
    if (--blocked_[{from, to}] == 0) set(false);
  });
}

void fault_injector::change_path(std::uint32_t one, std::uint32_t other, duration lasting,
                                 void (*change)(wire::path&)) {
  const auto apply = [this, one, other](const std::function<void(wire::path&)>& how) {
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)}) {
      wire::path now = cluster_.network().path_of(from, to);
      how(now);
      cluster_.network().set_path(from, to, now);
    }
  };
  apply(change);
  later(lasting, [apply] {
    apply([](wire::path& over) {
      wire::path usual;
      usual.blocked = over.blocked;
      over = usual;
    });
  });
}

}  // namespace troupe::simulation
