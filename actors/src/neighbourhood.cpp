#include "neighbourhood.hpp"

#include <algorithm>

#include "host_side.hpp"
#include "model_messages.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/identity.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

/// To connect to one node and to hear from it, and for all of them.
constexpr auto node_patience = 2s;
constexpr auto all_patience = 15s;
/// How long `auto` listens: at least until everybody has announced himself once, at most so long for paired machines.
constexpr auto automatic_patience_min = limits::announce_interval + 300ms;
constexpr auto automatic_patience_max = 4s;
/// The shortest of so many is the round trip.
constexpr int round_trips = 3;

bool is_local(const std::string& address) {
  const auto read = wire::parse_address(address);
  return read && read->is_loopback();
}

bool may_be_asked(const found_node& node) {
  return node.relation != node_relation::stranger || (!node.addresses.empty() && is_local(node.addresses.front()));
}

const wire::trusted_peer* find_peer(const std::vector<wire::trusted_peer>& all, const wire::key_hash& key) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.key == key; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

result<neighbourhood::acquaintances> neighbourhood::known() {
  acquaintances made;
  if (state_directory_.empty()) return made;
  TROUPE_TRY(const wire::identity self, wire::identity::load_or_make(state_directory_));
  made.own = self.key();
  TROUPE_TRY(made.paired, wire::trust_store(state_directory_).list());
  return made;
}

result<std::vector<found_node>> neighbourhood::listen(const acquaintances& known, time_point deadline,
                                                      const wire::browser::condition& enough) {
  std::vector<wire::key_hash> wanted;
  if (known.own) wanted.push_back(known.own);
  for (const wire::trusted_peer& each : known.paired) wanted.push_back(each.key);
  TROUPE_TRY(const wire::browser watching, wire::browser::start(std::move(wanted)));

  std::vector<found_node> found;
  for (const wire::neighbour& heard : watching.wait(deadline, enough)) {
    if (heard.told.what != wire::service::node) continue;
    found_node node;
    node.key = to_string(heard.told.key);
    for (const wire::address& each : heard.addresses) node.addresses.push_back(each.to_string());
    if (const auto* peer = find_peer(known.paired, heard.told.key)) {
      node.relation = node_relation::paired;
      node.name = peer->name;
    } else if (heard.told.key == known.own) {
      node.relation = node_relation::own;
    }
    found.push_back(std::move(node));
  }
  return found;
}

void neighbourhood::ask(found_node& node, time_point deadline) {
  error why(errc::deadline_exceeded, "there was no time left to ask it");
  for (std::size_t i = 0; i < node.addresses.size() && steady_clock::now() < deadline; ++i) {
    // Within this machine nobody proves a key.
    std::optional<wire::key_hash> owner;
    if (!is_local(node.addresses[i])) {
      if (auto key = wire::parse_key_hash(node.key)) owner = *key;
    }
    const auto handle =
        links_.connect(node.addresses[i], std::min(deadline, steady_clock::now() + node_patience), owner);
    if (!handle) {
      why = handle.error();
      continue;
    }
    std::swap(node.addresses[0], node.addresses[i]);
    found_node::report heard;
    for (int turn = 0; turn < round_trips; ++turn) {
      const auto asked = steady_clock::now();
      auto status = ask_from_host<node_status_msg>(actors_, *handle, node_patience, node_status_request_msg{});
      if (!status) {
        node.problem = status.error().message();
        return;
      }
      const duration taken = steady_clock::now() - asked;
      if (turn == 0 || taken < heard.round_trip) heard.round_trip = taken;
      heard.version = status->version;
      heard.devices.clear();
      for (const wire::device_summary& each : status->devices) heard.devices.push_back(each.name);
      if (node.name.empty()) node.name = status->tree.name;
    }
    node.status = std::move(heard);
    return;
  }
  node.problem = why.message();
}

result<std::vector<found_node>> neighbourhood::find(duration patience) {
  TROUPE_TRY(const acquaintances known, this->known());
  TROUPE_TRY(auto found, listen(known, steady_clock::now() + patience, {}));
  for (const wire::trusted_peer& each : known.paired) {
    const std::string key = to_string(each.key);
    if (std::any_of(found.begin(), found.end(), [&](const found_node& node) { return node.key == key; })) continue;
    found_node silent{each.name, key, each.addresses, node_relation::paired, {}, {}};
    if (silent.addresses.empty()) silent.problem = "it runs no node now, or this network keeps it from being heard";
    found.push_back(std::move(silent));
  }
  const time_point deadline = steady_clock::now() + all_patience;
  for (found_node& each : found) {
    if (!may_be_asked(each))
      each.problem = "not paired; run `troupe pair` on both machines";
    else if (!each.addresses.empty())
      ask(each, deadline);
  }
  return found;
}

result<std::vector<std::string>> neighbourhood::usable() {
  TROUPE_TRY(const acquaintances known, this->known());
  const time_point start = steady_clock::now();
  // Everybody has announced himself once by then; paired machines that are not there yet are given a little more.
  const auto all_heard = [&](const std::vector<wire::neighbour>& heard) {
    if (steady_clock::now() < start + automatic_patience_min) return false;
    return std::all_of(known.paired.begin(), known.paired.end(), [&](const wire::trusted_peer& peer) {
      return std::any_of(heard.begin(), heard.end(), [&](const wire::neighbour& each) {
        return each.told.what == wire::service::node && each.told.key == peer.key;
      });
    });
  };
  TROUPE_TRY(auto found, listen(known, start + automatic_patience_max, all_heard));
  std::vector<std::string> chosen;
  const time_point deadline = steady_clock::now() + all_patience;
  for (found_node& each : found) {
    if (each.relation == node_relation::stranger) continue;
    ask(each, deadline);
    if (each.status) chosen.push_back(each.addresses.front());
  }
  if (chosen.empty())
    return fail(errc::unavailable,
                "no node of this machine or of a paired one was found; start `troupe node` there, or give its address "
                "(`troupe nodes` shows who is there)");
  std::stable_partition(chosen.begin(), chosen.end(), is_local);
  return chosen;
}

void neighbourhood::announce(std::string_view address, std::uint16_t port) {
  if (state_directory_.empty()) return;
  const auto self = wire::identity::load_or_make(state_directory_);
  const auto where = wire::parse_address(address);
  if (!self || !where) return;
  // Who cannot be found can still be reached by his address, so this is no failure of the node.
  if (auto started = wire::announcer::start({wire::service::node, self->key(), port}, *where); started)
    announced_.emplace(std::move(started).value());
}

}  // namespace troupe
