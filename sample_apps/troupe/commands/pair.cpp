// troupe pair: makes this machine and another one trust each other by a short code; lists and ends such pairings.
#include <algorithm>

#include "commands.hpp"
#include "options.hpp"
#include "troupe/transport/discovery.hpp"
#include "troupe/transport/identity.hpp"
#include "troupe/transport/pairing.hpp"

namespace troupe::app {
namespace {

using namespace std::chrono_literals;

/// For joining: to find the other machine, and for the exchange.
constexpr auto search_time = 15s;
constexpr auto join_time = 30s;

struct pair_command {
  std::string code;
  std::string node;
  std::string listen = "0.0.0.0:0";
  std::string role = "coordinator";
  std::string name;
  std::vector<std::string> addresses;
  bool list = false;
  std::string remove;
  state_options state;
};

struct own_side {
  wire::trust_store store;
  wire::pairing_card card;
};

result<std::filesystem::path> state_directory(const pair_command& given) {
  auto path = given.state.path();
  if (path.empty())
    return error(errc::invalid_argument, "there is no home folder for this machine's key; name one with --state");
  return path;
}

result<own_side> prepare(const pair_command& given) {
  TROUPE_TRY(const auto directory, state_directory(given));
  TROUPE_TRY(const wire::identity self, wire::identity::load_or_make(directory));
  own_side made{wire::trust_store(directory), {}};
  made.card.key = self.key();
  made.card.name = given.name.empty() ? host_name() : given.name;
  TROUPE_TRY(made.card.grants, wire::parse_peer_role(given.role));
  for (const std::string& each : given.addresses) {
    TROUPE_TRY(const wire::address read, wire::parse_address(each));
    made.card.addresses.push_back(read.to_string());
  }
  return made;
}

json json_of(const wire::trusted_peer& peer) {
  return {{"name", peer.name},
          {"key", to_string(peer.key)},
          {"role", std::string(to_string(peer.role))},
          {"addresses", peer.addresses}};
}

void say_paired(const wire::paired_machine& other, console& out) {
  json said = json_of(other.peer);
  said["granted"] = std::string(to_string(other.granted));
  out.object({{"paired", std::move(said)}});
  out.line("paired with {} (key {}), here {}, where this machine is {}", other.peer.name, short_name(other.peer.key),
           to_string(other.peer.role), to_string(other.granted));
}

result<void> host(const pair_command& given, console& out) {
  TROUPE_TRY(own_side mine, prepare(given));
  TROUPE_TRY(const wire::address where, wire::parse_address(given.listen));
  TROUPE_TRY(wire::pairing_host waiting, wire::pairing_host::open(where, mine.card));
  const std::string code = waiting.code().shown();
  const std::uint16_t port = waiting.local_address().port;
  // Without it the other machine has to be told the address.
  const auto announced = wire::announcer::start({wire::service::pairing, mine.card.key, port}, waiting.local_address());
  if (!announced) out.note(announced.error().message());

  out.object({{"code", code},
              {"port", port},
              {"expires_s", limits::pairing_code_life.count()},
              {"guesses", limits::pairing_guesses_max}});
  out.line("Type this on the other machine:  troupe pair {}", code);
  if (!out.is_json())
    out.note(fmt::format("waiting on port {} for {} minutes; Ctrl-C ends it", port,
                         std::chrono::duration_cast<std::chrono::minutes>(limits::pairing_code_life).count()));
  if (!out.flush()) return error(errc::unavailable, "the output cannot be written");

  const auto keep = [&](const wire::trusted_peer& peer) { return mine.store.put(peer); };
  const auto on_guess = [&](std::size_t left) {
    out.note(
        fmt::format("somebody typed a wrong code; {} more {} allowed", left, left == 1 ? "guess is" : "guesses are"));
  };
  TROUPE_TRY(const wire::paired_machine other,
             waiting.wait(keep, steady_clock::now() + limits::pairing_code_life + 1s, on_guess));
  say_paired(other, out);
  return {};
}

/// Where a machine waits to be paired.
result<std::vector<wire::address>> find_host(const wire::key_hash& self, console& out) {
  TROUPE_TRY(const wire::browser watching, wire::browser::start());
  const auto waiting = [&](const std::vector<wire::neighbour>& all) {
    std::vector<wire::neighbour> found;
    for (const wire::neighbour& each : all)
      if (each.told.what == wire::service::pairing && each.told.key != self) found.push_back(each);
    return found;
  };
  out.progress("looking for a machine that waits to be paired");
  auto found =
      waiting(watching.wait(steady_clock::now() + search_time, [&](const auto& all) { return !waiting(all).empty(); }));
  // A second one would be heard within the next interval; whom the code is for only its reader knows.
  if (!found.empty()) found = waiting(watching.wait(steady_clock::now() + limits::announce_interval + 200ms));
  out.clear_progress();
  if (found.empty())
    return error(errc::unavailable,
                 fmt::format("no machine that waits to be paired was found within {} s; run `troupe pair` on the other "
                             "machine, or give its address with --node",
                             search_time.count()));
  if (found.size() > 1) {
    std::vector<std::string> places;
    for (const wire::neighbour& each : found) places.push_back(each.addresses.front().to_string());
    return error(errc::invalid_argument, fmt::format("several machines wait to be paired; choose one with --node: {}",
                                                     fmt::join(places, ", ")));
  }
  return found.front().addresses;
}

result<void> join(const pair_command& given, console& out) {
  TROUPE_TRY(const wire::pairing_code code, wire::pairing_code::parse(given.code));
  TROUPE_TRY(own_side mine, prepare(given));
  std::vector<wire::address> places;
  if (given.node.empty()) {
    TROUPE_TRY(places, find_host(mine.card.key, out));
  } else {
    TROUPE_TRY(const wire::address place, wire::parse_address(given.node));
    places.push_back(place);
  }

  const time_point deadline = steady_clock::now() + join_time;
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto other = wire::join_pairing(places[i], code, mine.card, deadline);
    // A machine may be announced at addresses that lead nowhere from here.
    if (!other && other.error().code() == errc::unavailable && i + 1 < places.size()) continue;
    if (!other) return std::move(other).error();
    TROUPE_CHECK(mine.store.put(other->peer).while_doing("the other machine has paired, but this one cannot store it"));
    say_paired(*other, out);
    break;
  }
  return {};
}

result<void> list(const pair_command& given, console& out) {
  TROUPE_TRY(const auto directory, state_directory(given));
  TROUPE_TRY(const auto peers, wire::trust_store(directory).list());
  json listed = json::array();
  table shown{{"name", "key", "role", "addresses"}, {}};
  for (const wire::trusted_peer& each : peers) {
    listed.push_back(json_of(each));
    shown.rows.push_back({each.name, short_name(each.key), std::string(to_string(each.role)),
                          each.addresses.empty() ? "-" : fmt::format("{}", fmt::join(each.addresses, ", "))});
  }
  out.object({{"peers", std::move(listed)}});
  if (peers.empty())
    out.line("this machine is paired with no other; run `troupe pair`");
  else
    out.print(shown);
  return {};
}

/// `named`: a name, a key, or the short name of one.
result<void> remove(const pair_command& given, console& out) {
  TROUPE_TRY(const auto directory, state_directory(given));
  wire::trust_store store(directory);
  TROUPE_TRY(const auto peers, store.list());
  std::vector<wire::trusted_peer> meant;
  for (const wire::trusted_peer& each : peers)
    if (each.name == given.remove || short_name(each.key) == given.remove || to_string(each.key) == given.remove)
      meant.push_back(each);
  if (meant.empty())
    return error(errc::invalid_argument,
                 fmt::format("this machine is not paired with {}; see `troupe pair --list`", given.remove));
  if (meant.size() > 1) {
    std::vector<std::string> keys;
    for (const wire::trusted_peer& each : meant) keys.push_back(to_string(each.key));
    return error(errc::invalid_argument, fmt::format("{} machines are called {}; name one by its key: {}", meant.size(),
                                                     given.remove, fmt::join(keys, ", ")));
  }
  TROUPE_TRY(const bool removed, store.remove(meant.front().key));
  static_cast<void>(removed);  // another process was faster: the same outcome
  out.object({{"removed", json_of(meant.front())}});
  out.line("{} (key {}) is not trusted any more", meant.front().name, short_name(meant.front().key));
  return {};
}

result<void> pair(const pair_command& given, console& out) {
  if (given.list) return list(given, out);
  if (!given.remove.empty()) return remove(given, out);
  return given.code.empty() ? host(given, out) : join(given, out);
}

}  // namespace

void add_pair(program& to) {
  auto given = std::make_shared<pair_command>();
  CLI::App& command = to.add("pair", "Pairs this machine with another one by a short code",
                             "troupe pair, and on the other machine: troupe pair 7K3M-9PQX",
                             [given](console& out) { return pair(*given, out); });
  CLI::Option* code =
      command.add_option("code", given->code, "What the other machine shows; none: show a code and wait");
  command.add_option("--node", given->node, "Where the other machine waits, when it is not found")
      ->type_name("HOST:PORT")
      ->needs(code);
  command.add_option("--role", given->role, "What the other machine may do here")
      ->check(CLI::IsMember({"coordinator", "worker", "observer"}))
      ->capture_default_str();
  command.add_option("--name", given->name, "How the other machine calls this one; the host's name if not given");
  command.add_option("--address", given->addresses, "Where this machine's node listens; repeatable")
      ->type_name("HOST:PORT")
      ->allow_extra_args(false);
  command.add_option("--listen", given->listen, "Where to wait; port 0 takes any free one")
      ->type_name("ADDR:PORT")
      ->capture_default_str()
      ->excludes(code);
  CLI::Option* list = command.add_flag("--list", given->list, "Show whom this machine is paired with")->excludes(code);
  command.add_option("--remove", given->remove, "Do not trust this machine any more")
      ->type_name("NAME|KEY")
      ->excludes(code)
      ->excludes(list);
  given->state.add_to(command);
}

}  // namespace troupe::app
