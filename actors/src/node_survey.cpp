#include "node_survey.hpp"

#include <algorithm>
#include <thread>

#include "host_side.hpp"
#include "model_messages.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Probes by their size: the first gives the round trip, the last one that there was time for the bandwidth.
struct probe_size {
  std::int64_t bytes;
  int rounds;
};
constexpr probe_size probe_sizes[] = {{1, 10}, {64 << 10, 4}, {1 << 20, 4}};
/// A link on which a probe takes so long is known well enough.
constexpr std::chrono::milliseconds slow_probe{100};
constexpr double bytes_per_s_max = 1e12;

/// Seconds of one probe.
result<double> probe(caf::actor_system& actors, const caf::actor& node, const tensor& payload, time_point deadline) {
  const time_point started = steady_clock::now();
  if (started >= deadline) return error(errc::deadline_exceeded, "there was no time left for it");
  TROUPE_CHECK(ask_from_host<ok_atom>(actors, node, deadline - started, link_probe_msg{payload}));
  return std::chrono::duration<double>(steady_clock::now() - started).count();
}

}  // namespace

result<link_ability> time_link(caf::actor_system& actors, const caf::actor& node, time_point deadline) {
  link_ability made;
  for (const auto [bytes, rounds] : probe_sizes) {
    TROUPE_TRY(const tensor payload, tensor::make(dtype::u8, {bytes}));
    double least = std::numeric_limits<double>::infinity();
    for (int round = 0; round < rounds; ++round) {
      TROUPE_TRY(const double taken, probe(actors, node, payload, deadline));
      least = std::min(least, taken);
    }
    if (bytes == 1) {
      made.round_trip_s = least;
      continue;
    }
    const double sending = least - made.round_trip_s;
    made.bytes_per_s = std::min(sending > 0 ? static_cast<double>(bytes) / sending : bytes_per_s_max, bytes_per_s_max);
    if (least > std::chrono::duration<double>(slow_probe).count()) break;
  }
  return made;
}

std::vector<planning_node> survey_nodes(caf::actor_system& actors, const std::vector<caf::actor>& nodes,
                                        const std::vector<std::string>& names, time_point deadline) {
  const time_point started = steady_clock::now(), asked_until = started + (deadline - started) / 2;
  std::vector<result<node_ability>> abilities(nodes.size(), error(errc::internal, "the node was not asked"));
  std::vector<std::thread> askers;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    askers.emplace_back([&, i] {
      auto answer =
          ask_from_host<ability_msg>(actors, nodes[i], asked_until - steady_clock::now(), ability_request_msg{});
      if (answer)
        abilities[i] = std::move(answer->ability);
      else
        abilities[i] = std::move(answer).error();
    });
  for (std::thread& asker : askers) asker.join();

  auto links = std::count_if(abilities.begin(), abilities.end(), [](const auto& each) { return each.has_value(); });
  std::vector<planning_node> made;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    planning_node& node = made.emplace_back();
    node.name = names[i];
    if (!abilities[i]) {
      node.unusable = fmt::format("it was asked how fast it is: {}", abilities[i].error().message());
      continue;
    }
    node.ability = std::move(*abilities[i]);
    const time_point now = steady_clock::now();
    if (const auto link = time_link(actors, nodes[i], now + (deadline - now) / links--))
      node.link = *link;
    else
      node.unusable = fmt::format("its link was timed: {}", link.error().message());
  }
  return made;
}

}  // namespace troupe
