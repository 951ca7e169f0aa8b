// What the coordinator's decisions cost as nodes and requests grow: its plain state alone, with one part of a data
// parallel model on each node, every step answered, and some nodes lost and come back.
//
//   troupe_coordinator_scale [REQUESTS]        a table on stdout
#include <fmt/format.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <deque>

#include "coordinator_state.hpp"

namespace troupe {
namespace {

using namespace coordinator_action;
using seconds = std::chrono::duration<double>;

struct figures {
  double start_s = 0;         ///< placing the parts
  double request_s = 0;       ///< a request, from submission to answer
  double loss_s = 0;          ///< a node that is lost and one that comes
  std::uint64_t answers = 0;  ///< requests that were answered
};

std::shared_ptr<const plan> replicas_on(std::uint32_t nodes) {
  plan made;
  made.mode = parallel_mode::data;
  made.replicas = nodes;
  for (std::uint32_t replica = 0; replica < nodes; ++replica) made.parts.push_back({replica, 0, nullptr});
  return std::make_shared<const plan>(made);
}

/// Nodes that do at once what they are told.
class cluster {
public:
  explicit cluster(std::uint32_t nodes) : state_(replicas_on(nodes), nodes) { perform(state_.start()); }

  void submit() { perform(state_.submit(++ids_, {batch_}, time_point::max(), time_point{})); }
  void run_until_quiet() {
    while (!orders_.empty()) {
      const order next = orders_.front();
      orders_.pop_front();
      perform(next.request ? step_done(next) : state_.part_up(next.part, next.host, ++incarnations_));
    }
  }
  void replace_node(std::uint32_t host) {
    perform(state_.host_down(host));
    perform(state_.host_up());
  }
  std::uint64_t answers() const { return answers_; }

private:
  struct order {
    std::uint64_t request = 0;
    std::uint32_t part = 0, host = 0;
  };

  coordinator_actions step_done(const order& done) {
    auto& missing = missing_[done.request % missing_.size()];
    return --missing == 0 ? state_.joined(done.request, 0, std::vector<tensor>{}) : coordinator_actions{};
  }
  void perform(const coordinator_actions& actions) {
    for (const auto& action : actions) std::visit([this](const auto& each) { obey(each); }, action);
  }
  void obey(const place_part& each) { orders_.push_back({0, each.part, each.host}); }
  void obey(const send_step& each) { orders_.push_back({each.request, 0, 0}); }
  void obey(const expect_join& each) { missing_[each.request % missing_.size()] = each.micros; }
  void obey(const answer& each) { answers_ += each.outcome.has_value(); }
  template <class Other>
  void obey(const Other&) {}

  coordinator_state state_;
  tensor batch_ = tensor::make(dtype::f32, {8, 4}).value();
  std::deque<order> orders_;
  std::vector<std::uint32_t> missing_ = std::vector<std::uint32_t>(4096);
  std::uint64_t ids_ = 0, incarnations_ = 0, answers_ = 0;
};

figures measure(std::uint32_t nodes, std::uint64_t requests) {
  figures found;
  const auto begin = std::chrono::steady_clock::now();
  cluster world(nodes);
  world.run_until_quiet();
  const auto started = std::chrono::steady_clock::now();
  constexpr std::uint64_t at_once = 64;
  for (std::uint64_t sent = 0; sent < requests; sent += at_once) {
    for (std::uint64_t i = 0; i < at_once && sent + i < requests; ++i) world.submit();
    world.run_until_quiet();
  }
  const auto answered = std::chrono::steady_clock::now();
  const std::uint32_t losses = std::min<std::uint32_t>(nodes, 100);
  for (std::uint32_t host = 0; host < losses; ++host) {
    world.replace_node(host);
    world.run_until_quiet();
  }
  const auto replaced = std::chrono::steady_clock::now();
  found.start_s = seconds(started - begin).count();
  found.request_s = seconds(answered - started).count() / static_cast<double>(requests);
  found.loss_s = seconds(replaced - answered).count() / losses;
  found.answers = world.answers();
  return found;
}

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1000;
}

}  // namespace
}  // namespace troupe

int main(int count, char** words) {
  std::uint64_t requests = 100'000;
  if (count > 1) {
    const char* const end = words[1] + std::strlen(words[1]);
    if (count > 2 || std::from_chars(words[1], end, requests).ptr != end || requests == 0) {
      fmt::print(stderr, "usage: troupe_coordinator_scale [REQUESTS]\n");
      return 2;
    }
  }
  fmt::print("| Nodes | Requests | Placing all parts | A request | A node lost and one come | Peak memory |\n");
  fmt::print("|---|---|---|---|---|---|\n");
  for (const std::uint32_t nodes : {1u, 10u, 100u, 1000u}) {
    const troupe::figures found = troupe::measure(nodes, requests);
    if (found.answers != requests) {
      fmt::print(stderr, "{} of {} requests were answered\n", found.answers, requests);
      return 1;
    }
    fmt::print("| {} | {} | {:.2f} ms | {:.2f} us | {:.1f} us | {:.1f} MB |\n", nodes, requests, found.start_s * 1e3,
               found.request_s * 1e6, found.loss_s * 1e6, troupe::peak_mb());
  }
}
