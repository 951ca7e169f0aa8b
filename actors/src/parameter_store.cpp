#include "parameter_store.hpp"

#include <fstream>
#include <limits>

#include "caf_error.hpp"
#include "chunk_worker.hpp"
#include "parameter_store_state.hpp"
#include "runtime.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// For one chunk from another node: with all that may be under way on its link, 300 kB/s are enough.
constexpr std::chrono::seconds chunk_patience{60};
/// Chunks that are read from the disk for other nodes at a time.
constexpr std::size_t reads_for_others_max = 16;

/// What the host can give without swapping, as the kernel estimates it; no limit where it does not say.
std::uint64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;)
    if (std::uint64_t kilobytes = 0; word == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
  return std::numeric_limits<std::uint64_t>::max();
}

/// A thread of its own for hashing whole networks, so that chunks of others do not wait for it.
caf::actor spawn_packer(caf::event_based_actor& store, std::shared_ptr<weight_registry> registry) {
  return spawn_blocking_function(store, [known = std::move(registry)](caf::event_based_actor* self) -> caf::behavior {
    quiet(*self);
    return {[known](const pack_weights_msg& wanted) -> caf::result<weights_msg> {
      if (auto before = known->find(wanted.network)) return weights_msg{std::move(before)};
      auto made = packed_weights::pack(wanted.network);
      if (!made) return to_caf(std::move(made).error().while_doing("naming the chunks of a part's weights"));
      known->add(*made);
      return weights_msg{std::move(*made)};
    }};
  });
}

class parameter_store final : public caf::event_based_actor {
public:
  parameter_store(caf::actor_config& config, parameter_store_options options)
      : event_based_actor(config), options_(std::move(options)) {
    quiet(*this);
  }

  const char* name() const override { return "troupe.store"; }

  caf::behavior make_behavior() override {
    worker_ = spawn_chunk_worker(this, chunk_cache(options_.cache, options_.cache_bytes_max));
    packer_ = spawn_packer(*this, options_.registry);
    return {
        [this](fetch_weights_msg& wanted) { return fetch(wanted); },
        [this](const cancel_fetch_msg& order) {
          for (const auto& [number, each] : jobs_)
            if (each.wanted.plan == order.plan && each.wanted.part == order.part)
              return end(number, error(errc::cancelled, "nobody needs the part any more"));
        },
        [this](const chunk_request_msg& wanted) { return serve(wanted); },
        [this](const pack_weights_msg& wanted) -> caf::result<caf::message> { return delegate(packer_, wanted); },
        [this](const located_msg& chunk) { located(chunk); },
    };
  }

  void on_exit() override {
    jobs_.clear();  // each is answered by its guard
    holders_.clear();
    worker_ = nullptr;
    packer_ = nullptr;
    options_ = {};
  }

private:
  struct job {
    fetch_weights_msg wanted;
    weight_assembly parts;
    promise_guard promise;
    std::uint64_t total = 0, done = 0, moved = 0;
  };

  caf::result<weights_msg> fetch(fetch_weights_msg& wanted) {
    const std::uint64_t total = wanted.manifest->byte_size();
    std::uint64_t needed = total;
    for (const auto& [number, each] : jobs_) needed += each.total - each.done;
    const std::uint64_t available = options_.available_memory ? options_.available_memory() : available_memory();
    if (needed > available)
      return to_caf(fail(errc::out_of_memory,
                         "the weights of part {} take {} bytes, {} with what is on its way, and {} are available; use "
                         "more shards or nodes",
                         wanted.part, total, needed, available));
    auto assembly = weight_assembly::begin(*wanted.skeleton, *wanted.manifest);
    if (!assembly) return to_caf(std::move(assembly).error());

    std::vector<content_hash> chunks;
    for (const weight_chunk& chunk : wanted.manifest->chunks) chunks.push_back(chunk.hash);
    std::vector<std::uint64_t> holders;
    for (const caf::actor& holder : wanted.holders) {
      if (!holder) continue;
      holders_.emplace(holder.id(), holder);
      holders.push_back(holder.id());
    }
    const std::uint64_t number = ++numbers_;
    auto promise = make_response_promise<weights_msg>();
    jobs_.emplace(number, job{std::move(wanted), std::move(*assembly), promise_guard(promise), total, 0, 0});
    tell(jobs_.at(number));
    perform(state_.begin(number, chunks, holders));
    return promise;
  }

  caf::result<chunk_msg> serve(const chunk_request_msg& wanted) {
    if (auto held = options_.registry->find(wanted.hash)) {
      options_.registry->bytes_sent += held->byte_size();
      return chunk_msg{std::move(*held)};
    }
    if (reads_for_others_ >= reads_for_others_max) return chunk_msg::none();
    ++reads_for_others_;
    auto promise = make_response_promise<chunk_msg>();
    const auto guard = std::make_shared<promise_guard>(promise);
    request(worker_, chunk_patience, read_chunk_msg{wanted.hash})
        .then(
            [this, guard](chunk_msg& found) {
              --reads_for_others_;
              options_.registry->bytes_sent += found.data.byte_size();
              guard->deliver(std::move(found));
            },
            [this, guard](caf::error&) {
              --reads_for_others_;
              guard->deliver(chunk_msg::none());
            });
    return promise;
  }

  void perform(parameter_store_actions actions) {
    for (auto& action : actions) std::visit([this](auto& order) { obey(order); }, action);
    if (state_.jobs() == 0 && state_.asked() == 0) holders_.clear();
  }

  void obey(const parameter_store_action::look_up& order) {
    // Through the mailbox also when it is here: else each chunk of a part would nest in the one before.
    if (auto held = options_.registry->find(order.hash)) return send(this, located_msg{order.hash, std::move(*held)});
    request(worker_, chunk_patience, read_chunk_msg{order.hash})
        .then(
            [this, hash = order.hash](chunk_msg& found) {
              located({hash, std::move(found.data)});
            },
            [this, hash = order.hash](caf::error&) {
              located({hash, {}});
            });
  }

  void located(const located_msg& chunk) {
    const bool found = !chunk.data.bytes().empty();
    if (found) put(chunk.hash, chunk.data, false);
    perform(state_.looked_up(chunk.hash, found));
  }

  void obey(const parameter_store_action::ask& order) {
    request(holders_.at(order.holder), chunk_patience, chunk_request_msg{order.hash})
        .then(
            [this, order](chunk_msg& given) {
              if (given.data.bytes().empty())
                perform(state_.answered(order.hash, order.holder, parameter_store_state::answer::missing));
              else
                check(order, std::move(given.data));
            },
            [this, order](caf::error&) {
              perform(state_.answered(order.hash, order.holder, parameter_store_state::answer::failed));
            });
  }

  void check(const parameter_store_action::ask& order, tensor data) {
    check_chunk_msg received{order.hash, data};
    request(worker_, chunk_patience, std::move(received))
        .then(
            [this, order, data = std::move(data)](ok_atom) {
              options_.registry->bytes_received += data.byte_size();
              put(order.hash, data, true);
              perform(state_.answered(order.hash, order.holder, parameter_store_state::answer::right));
            },
            [this, order](caf::error&) {
              perform(state_.answered(order.hash, order.holder, parameter_store_state::answer::failed));
            });
  }

  /// Puts a chunk that is known to be right into the memory of every part that waits for it.
  void put(const content_hash& hash, const tensor& data, bool moved) {
    for (const std::uint64_t number : state_.wanted_by(hash)) {
      job& waiting = jobs_.at(number);
      const auto placed = waiting.parts.put(hash, data.bytes());
      if (!placed) {
        end(number, placed.error());
        continue;
      }
      waiting.done += *placed;
      if (moved) waiting.moved += data.byte_size();
      tell(waiting);
    }
  }

  void tell(const job& of) {
    send(of.wanted.observer,
         part_progress_msg{of.wanted.plan, of.wanted.part, of.wanted.host, of.done, of.total, of.moved});
  }

  void obey(const parameter_store_action::finished& order) {
    const auto found = jobs_.find(order.job);
    job ended = std::move(found->second);
    jobs_.erase(found);
    auto whole = std::move(ended.parts).finish();
    if (!whole) return ended.promise.deliver(to_caf(whole.error()));
    options_.registry->add(*whole);
    ended.promise.deliver(weights_msg{std::move(*whole)});
  }

  void obey(const parameter_store_action::failed& order) {
    const auto found = jobs_.find(order.job);
    found->second.promise.deliver(to_caf(order.why));
    jobs_.erase(found);
  }

  /// Gives a part up before the state does.
  void end(std::uint64_t number, const error& why) {
    const auto found = jobs_.find(number);
    found->second.promise.deliver(to_caf(why));
    jobs_.erase(found);
    perform(state_.cancel(number));
  }

  parameter_store_options options_;
  parameter_store_state state_;
  caf::actor worker_, packer_;
  std::uint64_t numbers_ = 0;
  std::size_t reads_for_others_ = 0;
  std::map<std::uint64_t, job> jobs_;
  std::map<std::uint64_t, caf::actor> holders_;
};

}  // namespace

caf::actor spawn_parameter_store(caf::event_based_actor* parent, parameter_store_options options) {
  return parent->spawn<parameter_store>(std::move(options));
}

}  // namespace troupe
