// Makes the faults of a plan happen in a simulated cluster, each at its time, and says which did.
#pragma once

#include <array>
#include <map>

#include "simulation/host_program.hpp"

namespace troupe::simulation {

class fault_injector {
public:
  fault_injector(simulated_cluster& cluster, host_program& program) : cluster_(cluster), program_(program) {}

  /// From now on: `at` of each fault counts from here.
  void arm(const std::vector<fault>& faults);
  /// No fault is to come, and none lasts.
  bool over() const noexcept { return pending_ == 0; }
  /// The supervisor of the model's actors was killed, which ends the model: its handles answer with an error.
  bool model_ended() const noexcept { return model_ended_; }
  const std::array<std::uint32_t, fault_kinds>& armed() const noexcept { return armed_; }
  /// Those that had an effect. Call it at the end: some wait for the next step of a device or for the next frame.
  std::array<std::uint32_t, fault_kinds> fired() const;

private:
  void inject(const fault& what);
  void kill(const fault& what, std::uint32_t host, std::string_view name, std::size_t first = 0);
  void hang(const fault& what, std::uint32_t host, std::string_view name);
  void end_process(const fault& what, std::uint32_t host, bool silently);
  void block(std::uint32_t from, std::uint32_t to, duration lasting);
  void change_path(std::uint32_t one, std::uint32_t other, duration lasting, void (*change)(wire::path&));
  void later(duration delay, std::function<void()> what);
  void happened(const fault& what) { ++fired_[static_cast<std::size_t>(what.kind)]; }
  /// Counts of a host's device are lost when its process ends.
  void keep_counts(std::uint32_t host);

  simulated_cluster& cluster_;
  host_program& program_;
  std::size_t pending_ = 0;
  bool model_ended_ = false;
  std::array<std::uint32_t, fault_kinds> armed_{}, fired_{};
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> blocked_;
  std::map<std::uint32_t, int> frozen_;
  std::array<std::uint32_t, 4> ended_counts_{};  ///< of devices that are gone: thrown, failed, refused, lacked memory
};

}  // namespace troupe::simulation
