#include "seat.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>

#include "counted_random.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::chaos {
namespace {

using enum fault_kind;
using namespace std::chrono_literals;
using wire::flow;
using wire::flow_damage;
using wire::flow_end;

/// A slow process stands still for a part of each of these.
constexpr microseconds slow_period = 50ms;
/// Between two bytes of a stranger that is slow on purpose.
constexpr microseconds loris_pause = 100ms;
constexpr microseconds replaced_pause = 20ms;

microseconds milliseconds_of(std::uint64_t parameter) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(parameter));
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  std::error_code ignored;
  for (auto each = std::filesystem::recursive_directory_iterator(folder, ignored);
       each != std::filesystem::recursive_directory_iterator(); each.increment(ignored))
    if (each->is_regular_file(ignored)) found.push_back(each->path());
  std::sort(found.begin(), found.end());
  return found;
}

/// What a process has of something, from a file of the proc file system.
std::uint64_t address_space_of(int pid) {
  std::uint64_t pages = 0;
  std::ifstream(fmt::format("/proc/{}/statm", pid)) >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t descriptors_of(int pid) {
  std::error_code ignored;
  const auto all = std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), ignored);
  return static_cast<std::uint64_t>(std::distance(begin(all), end(all)));
}

}  // namespace

seat::seat(const cluster_options& options, std::uint32_t number)
    : options_(options), name_(fmt::format("chaos-{}", number)), seed_(random_at(options.seed, number, 0)) {
  if (!options.folder.empty()) folder_ = options.folder / name_;
}

seat::~seat() {
  if (process_ && stands_still_) (void)process_->signal(SIGCONT);
  if (process_) process_->kill();
}

result<std::unique_ptr<seat>> seat::start(const cluster_options& options, std::uint32_t number) {
  std::unique_ptr<seat> made(new seat(options, number));
  TROUPE_CHECK(made->launch());
  made->listen_ = made->process_->address();
  TROUPE_TRY(const wire::address target, wire::parse_address(made->listen_));
  TROUPE_TRY(made->proxy_, wire::fault_proxy::start(target, made->seed_));
  return made;
}

result<void> seat::launch() {
  std::vector<std::string> more{"--allow-fault-injection", "--cache", folder_.empty() ? "none" : folder_.string()};
  more.insert(more.end(), options_.more.begin(), options_.more.end());
  TROUPE_TRY(node_process started, node_process::start(options_.program, name_, options_.device, listen_, more));
  process_.emplace(std::move(started));
  stands_still_ = may_end_ = false;
  return {};
}

bool seat::is_upon(std::initializer_list<fault_kind> kinds) const {
  return std::any_of(upon_.begin(), upon_.end(), [&](const upon& each) {
    return std::find(kinds.begin(), kinds.end(), each.what.kind) != kinds.end();
  });
}

result<bool> seat::begin(const fault& what, time_point now) {
  if (!info_of(what.kind).lasts) return hit_once(what);
  upon fresh{what, now + what.lasting};
  TROUPE_TRY(const bool fired, hit(fresh, now));
  if (!fired) return false;
  upon_.push_back(std::move(fresh));
  align();
  return true;
}

result<bool> seat::hit(upon& fresh, time_point now) {
  const fault& what = fresh.what;
  switch (what.kind) {
    case p1_kill:
    case p5_power_loss:
      if (!process_->alive()) return false;
      if (what.kind == p5_power_loss)  // nobody shall hear how it ends
        for (const flow direction : {flow::to_target, flow::from_target}) proxy_->set_rules(direction, {.held = true});
      process_->kill();
      return true;
    case p1_crash_loop:
      process_->kill();
      fresh.repeats = now + milliseconds_of(what.parameter);
      return true;
    case p1_segfault:
    case p1_terminate: {
      if (!process_->alive()) return false;
      const rlimit no_dump{0, 0};
      ::prlimit(process_->pid(), RLIMIT_CORE, &no_dump, nullptr);
      TROUPE_CHECK(process_->signal(what.kind == p1_segfault ? SIGSEGV : SIGTERM));
      return true;
    }
    case p2_freeze:
    case p9_sleep: return process_->alive();
    case p3_zombie: fresh.repeats = now; return process_->alive();
    case s1_slow_process: fresh.repeats = now; return process_->alive();
    case p6_memory:
      if (!process_->alive()) return false;
      may_end_ = true;
      limit(fresh, RLIMIT_AS, address_space_of(process_->pid()) + (what.parameter << 20));
      return true;
    case p7_descriptors:
      if (!process_->alive()) return false;
      limit(fresh, RLIMIT_NOFILE, descriptors_of(process_->pid()));
      return true;
    case n1_refuse:
      proxy_->refuse(true);
      proxy_->end_connections(flow_end::reset);
      return true;
    case n1_flap: fresh.repeats = now; return true;
    case n11_half_open:
    case n11_slow_loris:
      if (what.kind == n11_slow_loris) fresh.repeats = now + loris_pause;
      return visit(fresh);
    default: return true;  // a matter of rules, which `align` sets
  }
}

result<bool> seat::visit(upon& fresh) {
  if (!process_->alive()) return false;
  TROUPE_TRY(const wire::address target, wire::parse_address(listen_));
  auto crowd = wire::strangers::connect(target, fresh.what.parameter);
  if (!crowd) return false;  // the node takes nobody now
  fresh.crowd.emplace(std::move(*crowd));
  return true;
}

result<bool> seat::hit_once(const fault& what) {
  const std::size_t connections = proxy_->count().connections;
  const auto damage = [&](flow_damage::form form) {
    if (connections == 0 || !proxy_->damage({form, what.parameter})) return false;
    damages_.push_back(what);
    return true;
  };
  const auto end_all = [&](flow_end how) {
    proxy_->end_connections(how);
    return connections > 0;
  };
  switch (what.kind) {
    case n1_reset: return end_all(flow_end::reset);
    case n1_close: return end_all(flow_end::close);
    case n1_half_close: return end_all(flow_end::half_close);
    case n1_reset_mid_frame: return damage(flow_damage::form::reset);
    case n8_duplicate: return damage(flow_damage::form::duplicate);
    case n9_flip: return damage(flow_damage::form::flip);
    case n9_cut: return damage(flow_damage::form::cut);
    case n9_insert: return damage(flow_damage::form::insert);
    case n8_replay:
    case n11_garbage:
    case n11_storm: {
      std::vector<std::byte> said;
      if (what.kind == n8_replay) {
        said = proxy_->last_opening();
        if (said.empty()) return false;
      } else if (what.kind == n11_garbage) {
        for (std::uint64_t i = 0; i < 256; ++i) said.push_back(static_cast<std::byte>(random_at(seed_, ++drawn_, i)));
      }
      upon visitors{what, {}};
      visitors.what.parameter = std::max<std::uint64_t>(what.parameter, 1);
      TROUPE_TRY(const bool came, visit(visitors));
      if (came) visitors.crowd->say(said);
      return came;
    }
    case s5_cache_rot:
    case s6_cache_gone:
    case s8_cache_torn: return damage_cache(what);
    default: return fail(errc::internal, "{} is no fault of a node process", info_of(what.kind).id);
  }
}

result<bool> seat::damage_cache(const fault& what) {
  const auto files = folder_.empty() ? std::vector<std::filesystem::path>() : files_below(folder_ / "weights");
  if (files.empty()) return false;
  std::error_code ignored;
  if (what.kind == s6_cache_gone) {
    std::filesystem::remove_all(folder_ / "weights", ignored);
    return true;
  }
  may_end_ = true;
  process_->kill();
  for (const std::filesystem::path& file : files) {
    const std::uint64_t size = std::filesystem::file_size(file, ignored);
    if (ignored || size == 0) continue;
    if (what.kind == s8_cache_torn) {
      std::filesystem::resize_file(file, size - std::min(size, what.parameter), ignored);
      continue;
    }
    std::fstream open(file, std::ios::in | std::ios::out | std::ios::binary);
    for (std::uint64_t i = 0; i < what.parameter; ++i) {
      const auto place = static_cast<std::streamoff>(random_below(size, seed_, ++drawn_, i));
      open.seekg(place);
      const char flipped = static_cast<char>(open.get() ^ (1 << (drawn_ % 8)));
      open.seekp(place);
      open.put(flipped);
    }
  }
  TROUPE_CHECK(revive());
  return true;
}

void seat::limit(upon& by, int resource, std::uint64_t soft) {
  rlimit now{};
  if (::prlimit(process_->pid(), static_cast<__rlimit_resource>(resource), nullptr, &now) != 0) return;
  by.former_limit = now.rlim_cur;
  now.rlim_cur = std::min<rlim_t>(soft, now.rlim_max);
  ::prlimit(process_->pid(), static_cast<__rlimit_resource>(resource), &now, nullptr);
}

void seat::repeat(upon& each, time_point now, const std::function<bool()>& used) {
  const fault& what = each.what;
  switch (what.kind) {
    case n1_flap:
      proxy_->end_connections(flow_end::reset);
      each.repeats = now + milliseconds_of(what.parameter);
      break;
    case n11_slow_loris: {
      const std::byte said[]{static_cast<std::byte>(random_at(seed_, ++drawn_, 1))};
      each.crowd->say(said);
      each.repeats = now + loris_pause;
      break;
    }
    case s1_slow_process: {
      each.odd = !each.odd;  // odd: it stands still
      const auto share = static_cast<std::int64_t>(each.odd ? 100 - what.parameter : what.parameter);
      each.repeats = now + slow_period * share / 100;
      break;
    }
    case p1_crash_loop:
      if (process_->alive()) {
        process_->kill();
      } else if (const auto outcome = launch(); !outcome) {
        problems_.push_back(outcome.error().to_string());
      }
      each.repeats = steady_clock::now() + milliseconds_of(what.parameter);
      break;
    case p3_zombie:
      each.repeats = now + replaced_pause;
      if (!used()) {
        each.ends = std::min(each.ends, now + milliseconds_of(what.parameter));
        each.repeats = time_point::max();
      }
      break;
    default: each.repeats = time_point::max();
  }
}

result<void> seat::advance(time_point now, const std::function<bool()>& used) {
  bool changed = false;
  for (upon& each : upon_)
    if (each.repeats <= now && each.ends > now) {
      repeat(each, now, used);
      changed = true;
    }
  for (auto each = upon_.begin(); each != upon_.end();) {
    if (each->ends > now) {
      ++each;
      continue;
    }
    upon over = std::move(*each);
    each = upon_.erase(each);
    end(over);
    changed = true;
  }
  if (!changed) return {};
  align();
  return is_upon({p1_kill, p1_segfault, p1_terminate, p1_crash_loop, p5_power_loss}) ? result<void>() : revive();
}

time_point seat::next() const {
  time_point when = time_point::max();
  for (const upon& each : upon_) when = std::min({when, each.ends, each.repeats});
  return when;
}

void seat::end(upon& over) {
  switch (over.what.kind) {
    case p1_kill:
    case p1_segfault:
    case p1_terminate:
    case p1_crash_loop:
      may_end_ = true;
      process_->kill();  // should it not have stopped in the meantime
      break;
    case p5_power_loss:
      may_end_ = true;
      proxy_->end_connections(flow_end::reset);
      break;
    case n1_refuse: proxy_->refuse(is_upon({n1_refuse})); break;
    case p6_memory:
    case p7_descriptors:
      if (over.former_limit && process_->alive()) {
        const auto resource = over.what.kind == p6_memory ? RLIMIT_AS : RLIMIT_NOFILE;
        limit(over, resource, *over.former_limit);
      }
      // What it lives through it has to live on from.
      if (over.what.kind == p6_memory && process_->alive()) may_end_ = is_upon({p6_memory});
      break;
    default: break;
  }
}

void seat::align() {
  wire::flow_rules to, from;
  for (const upon& each : upon_) {
    const std::uint64_t parameter = each.what.parameter;
    for (const flow direction : {flow::to_target, flow::from_target}) {
      wire::flow_rules& rules = direction == flow::to_target ? to : from;
      switch (each.what.kind) {
        case n2_partition:
        case n10_clog:
        case p5_power_loss:
          rules.held = true;
          rules.except_of.clear();
          break;
        case n3_one_way_to:
        case n3_one_way_from:
          if ((each.what.kind == n3_one_way_to) != (direction == flow::to_target)) break;
          rules.held = true;
          rules.except_of.clear();
          break;
        case n4_peers:
          if (!rules.held) rules.except_of = options_.host_name;
          rules.held = true;
          break;
        case n6_delay: rules.delay += milliseconds_of(parameter); break;
        case n6_jitter: rules.jitter += milliseconds_of(parameter); break;
        case n10_bandwidth:
          rules.bytes_per_second =
              rules.bytes_per_second == 0 ? parameter << 10 : std::min(rules.bytes_per_second, parameter << 10);
          break;
        case n10_slicer: rules.piece_bytes = parameter; break;
        default: break;
      }
    }
  }
  proxy_->set_rules(flow::to_target, to);
  proxy_->set_rules(flow::from_target, from);
  const bool still = std::any_of(upon_.begin(), upon_.end(), [](const upon& each) {
    return each.what.kind == p2_freeze || each.what.kind == p3_zombie || each.what.kind == p9_sleep ||
           (each.what.kind == s1_slow_process && each.odd);
  });
  if (still != stands_still_ && process_->alive()) {
    (void)process_->signal(still ? SIGSTOP : SIGCONT);
    stands_still_ = still;
  }
}

result<void> seat::revive() {
  if (process_->alive()) return {};
  if (!may_end_) problems_.push_back(fmt::format("the node {} ended, and no fault was to end it", name_));
  return launch();
}

result<void> seat::restore(std::vector<fault>& undone) {
  while (!upon_.empty()) {
    upon over = std::move(upon_.back());
    upon_.pop_back();
    end(over);
  }
  const auto waiting = static_cast<std::ptrdiff_t>(proxy_->forget_damage());
  undone.insert(undone.end(), damages_.end() - waiting, damages_.end());
  damages_.clear();
  align();
  return revive();
}

}  // namespace troupe::chaos
