#include "live_plan.hpp"

#include <algorithm>

#include "support/check.hpp"
#include "support/random_source.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr double piece_s = 0.01;  ///< on a node of speed 1

/// A pipeline of as many parts as pieces.
std::shared_ptr<const plan> pipeline(std::size_t parts, bool surveyed = false, bool stateful = false,
                                     std::uint64_t weight_bytes = 1 << 20) {
  plan made;
  made.stages = static_cast<std::uint32_t>(parts);
  made.stateful = stateful;
  auto basis = std::make_shared<plan_basis>();
  for (std::uint32_t part = 0; part < parts; ++part) {
    made.parts.push_back({0, part, nullptr, {}});
    operator_cost cost;
    cost.operations = 1e9 * piece_s;
    cost.weight_bytes = weight_bytes;
    basis->costs.operators.push_back(cost);
    basis->costs.cuts.push_back(part);
    basis->first.push_back(part);
  }
  basis->costs.cut_bytes.assign(parts + 1, 1000);
  basis->surveyed = surveyed;
  made.basis = basis;
  return std::make_shared<const plan>(std::move(made));
}

planning_node node_of(double speed, link_ability link = {1e-4, 1e9}) {
  return {"node", {"device", "driver", std::uint64_t{1} << 40, speed * 1e9, 1e15, 0, 0}, link};
}

bool nothing_refused(std::uint32_t, std::uint32_t) {
  return false;
}

/// Parts on hosts of these speeds, which do what they are told.
class cluster {
public:
  cluster(std::shared_ptr<const plan> layout, std::vector<std::uint32_t> places, std::vector<double> of_hosts)
      : at(std::move(places)), speeds(std::move(of_hosts)), live(std::move(layout)) {}

  /// So many steps, a quarter of a second each; the moves that were wanted.
  std::size_t run(std::size_t steps, random_source* noise = nullptr) {
    std::size_t moves = 0;
    for (std::size_t i = 0; i < steps; ++i, now += std::chrono::milliseconds(250)) {
      for (std::uint32_t part = 0; part < at.size(); ++part)
        live.timed(part, piece_s / speeds[at[part]] * (noise ? 0.8 + 0.4 * noise->uniform(0, 1) : 1));
      std::vector<std::uint32_t> wanted;
      for (std::uint32_t host = 0; host < speeds.size(); ++host) wanted.push_back(host);
      for (const part_move& each : live.better(at, wanted, nothing_refused, now)) {
        at[each.part] = each.host;
        live.moved(each.part);
        ++moves;
      }
    }
    return moves;
  }
  double longest_s() const {
    std::vector<double> seconds(speeds.size(), 0);
    for (const std::uint32_t host : at) seconds[host] += piece_s / speeds[host];
    return *std::max_element(seconds.begin(), seconds.end());
  }

  std::vector<std::uint32_t> at;
  std::vector<double> speeds;
  live_plan live;
  time_point now{};
};

}  // namespace

TEST_CASE("parts leave a slow host for those that take less time, and stay") {
  cluster world(pipeline(6), {0, 0, 1, 1, 2, 2}, {0.25, 1, 1});
  CHECK(world.run(7) == 0);  // too few steps
  CHECK(world.run(20) == 2);
  CHECK(std::count(world.at.begin(), world.at.end(), 0u) == 0);
  CHECK(world.longest_s() == Approx(3 * piece_s));
  CHECK(world.run(2000) == 0);  // also when the slow one might have recovered: nothing would be gained by it
}

TEST_CASE("hosts of speeds 1, 2 and 4 get parts in proportion") {
  cluster world(pipeline(14), {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2}, {1, 2, 4});
  world.run(100);
  CHECK(world.longest_s() < 1.2 * 2 * piece_s);  // 2, 4 and 8 would be best
  CHECK(world.run(1000) == 0);
}

TEST_CASE("a host that becomes slow loses its part to one that was idle") {
  cluster world(pipeline(2), {0, 1}, {1, 1, 1});
  CHECK(world.run(100) == 0);
  world.speeds[1] = 0.3;
  CHECK(world.run(40) == 1);
  CHECK(world.at == std::vector<std::uint32_t>{0, 2});
  CHECK(world.run(200) == 0);
}

TEST_CASE("nothing moves where that would gain little, or less than it costs") {
  cluster alike(pipeline(4), {0, 0, 1, 1}, {1, 1.3});
  CHECK(alike.run(200) == 0);
  cluster alone(pipeline(2), {0, 1}, {0.3, 1});  // one host would have to do the work of both
  CHECK(alone.run(200) == 1);
  CHECK(alone.longest_s() == Approx(2 * piece_s));
  cluster short_steps(pipeline(2), {0, 1}, {1, 1000, 1000});
  for (double& speed : short_steps.speeds) speed *= 1000;
  CHECK(short_steps.run(200) == 0);  // a hundredth of a millisecond is noise
}

TEST_CASE("a host that has come gets a part of a planned model when it is fast and near enough for it") {
  cluster world(pipeline(1, true), {0}, {1, 4});
  world.live.host_known(0, node_of(1));
  CHECK(world.run(100) == 0);  // nobody knows yet what the other reaches
  world.live.host_known(1, node_of(4));
  CHECK(world.run(40) == 1);
  CHECK(world.at[0] == 1);

  cluster far(pipeline(1, true), {0}, {1, 4});
  far.live.host_known(0, node_of(1));
  far.live.host_known(1, node_of(4, {0.1, 1e9}));
  CHECK(far.run(100) == 0);
  cluster heavy(pipeline(1, true, false, std::uint64_t{50} << 30), {0}, {1, 4});
  heavy.live.host_known(0, node_of(1));
  heavy.live.host_known(1, node_of(4, {1e-4, 1e9}));
  CHECK(heavy.run(100) == 0);  // its weights would be under way longer than the gain lasts
  cluster small(pipeline(1, true), {0}, {1, 4});
  small.live.host_known(0, node_of(1));
  planning_node little = node_of(4);
  little.ability.memory_bytes = 1000;
  small.live.host_known(1, little);
  CHECK(small.run(100) == 0);
}

TEST_CASE("a host that gave a part up does not get it again") {
  live_plan live(pipeline(2));
  const auto refused = [](std::uint32_t, std::uint32_t host) { return host == 2; };
  time_point now{};
  std::size_t moves = 0;
  for (int i = 0; i < 100; ++i, now += std::chrono::seconds(1)) {
    live.timed(0, piece_s);
    live.timed(1, 10 * piece_s);
    for (const part_move& each : live.better({0, 1}, {0, 1, 2}, refused, now)) {
      CHECK(each == part_move{1, 0});
      ++moves;
    }
  }
  CHECK(moves > 0);
}

TEST_CASE("a part on a host of unknown ability stays, and others still move") {
  cluster world(pipeline(3, true), {0, 1, 2}, {1, 0.2, 1, 1});
  for (const std::uint32_t host : {0, 1, 3}) world.live.host_known(host, node_of(1));
  CHECK(world.run(40) == 1);
  CHECK(world.at == std::vector<std::uint32_t>{0, 3, 2});
  cluster unknown(pipeline(2, true), {0, 1}, {1, 0.2, 1});
  unknown.live.host_known(2, node_of(1));
  CHECK(unknown.run(40) == 0);
}

TEST_CASE("times are kept when nobody has the memory for something better") {
  cluster world(pipeline(2, true), {0, 1}, {1, 0.3});
  planning_node little = node_of(1);
  little.ability.memory_bytes = 1000;
  for (const std::uint32_t host : {0, 1}) world.live.host_known(host, little);
  CHECK(world.run(9) == 0);  // looks with the last one
  CHECK(world.live.step_s(0) > 0);
}

TEST_CASE("times that vary move nothing to and fro") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    random_source random(seed);
    const std::size_t hosts = 2 + random.below(4), parts = 2 + random.below(10);
    std::vector<double> speeds;
    for (std::size_t host = 0; host < hosts; ++host) speeds.push_back(0.2 + 2 * random.uniform(0, 1));
    std::vector<std::uint32_t> at;
    for (std::size_t part = 0; part < parts; ++part) at.push_back(static_cast<std::uint32_t>(part * hosts / parts));
    cluster world(pipeline(parts), at, speeds);
    const double before = world.longest_s();
    const std::size_t moves = world.run(400, &random);
    CHECK(world.longest_s() <= before * 1.001);
    CHECK(moves <= 2 * parts);
    CHECK(world.run(1000, &random) <= 1);
  }
}
