#include "simulation/host_program.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include "troupe/actors/messages.hpp"
#include "troupe/actors/supervisor_messages.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::simulation {
namespace {

/// Rows of a batch, and of a session's first question, its prompt.
constexpr std::int64_t batch_rows = 4, prompt_rows = 4;
/// An answer may come so much after its deadline.
constexpr std::chrono::seconds grace{1};
/// What a client does after a failure.
constexpr std::chrono::milliseconds pause_after_failure{200};

}  // namespace

host_program::host_program(simulated_cluster& cluster, prepared_model& model, const workload& work, observer told)
    : cluster_(cluster), model_(model), work_(work), told_(std::move(told)) {
  clients_.resize(std::max<std::uint32_t>(1, work.sessions));
  for (std::uint32_t number = 0; number < clients_.size(); ++number) clients_[number].number = number;
}

void host_program::start() {
  starting_ = cluster_.hosts().size();
  for (std::uint32_t number = 0; number < cluster_.hosts().size(); ++number)
    cluster_.start(number, [this] {
      if (--starting_ == 0) cluster_.time().after({}, [this] { link(); });
    });
}

void host_program::link() {
  linking_ = cluster_.hosts().size() - 1;
  if (linking_ == 0) return load();
  cluster_.as_host(0, [&] {
    for (std::uint32_t number = 1; number < cluster_.hosts().size(); ++number)
      caf::anon_send(cluster_.at(0).core->membership,
                     add_member_msg{wire::simulated_network::address_of(number), [this](const result<void>& linked) {
                                      if (!linked) told_.violated("start", linked.error().to_string());
                                      if (--linking_ == 0) cluster_.time().after({}, [this] { load(); });
                                    }});
  });
}

void host_program::load() {
  cluster_.as_host(0, [&] {
    system_core& core = *cluster_.at(0).core;
    auto made = core.make_model(model_.layout(), core.hosts(), {}, 1);
    version_ = std::move(made.version);
    const auto entry = std::make_shared<const child_spec>(std::move(made.entry));
    cluster_.actors().spawn([this, root = core.root, entry, shared = version_->core](caf::event_based_actor* self) {
      quiet(*self);
      self->request(root, std::chrono::seconds(10), start_child{entry})
          .then(
              [this, shared](caf::actor& family) {
                system_core::close_with(family, shared);
                caf::anon_send(shared->coordinator(), notify_ready_msg{[this](const result<void>& ready) {
                                 if (!ready) return told_.violated("start", ready.error().to_string());
                                 loaded_ = true;
                                 told_.loaded();
                                 for (client& each : clients_) go_on(each, {});
                               }});
              },
              [this](caf::error& why) { told_.violated("start", from_caf(why).to_string()); });
    });
  });
}

bool host_program::finished() const {
  return loaded_ && open_.empty() && std::all_of(clients_.begin(), clients_.end(), [&](const client& each) {
           return each.asked >= work_.requests;
         });
}

void host_program::prove_healed() {
  proving_ = true;
  unproven_ = static_cast<std::uint32_t>(clients_.size());
  for (client& each : clients_) {
    each.proving = true;
    if (!each.busy) go_on(each, {});
  }
}

bool host_program::cancel_newest() {
  if (open_.empty()) return false;
  question& newest = open_.rbegin()->second;
  newest.cancelled = true;
  cluster_.as_host(0, [&] { version_->core->cancel(newest.ticket); });
  return true;
}

void host_program::finish() {
  over_ = true;
  for (const auto& [id, each] : open_)
    told_.violated("I1", fmt::format("a request of client {} has no answer", each.client));
  open_.clear();
  cluster_.as_host(0, [&] { version_.reset(); });
}

void host_program::go_on(client& asker, duration pause) {
  asker.busy = true;
  cluster_.time().after(pause, [this, number = asker.number] { ask(number); });
}

void host_program::ask(std::uint32_t number) {
  client& asker = clients_[number];
  asker.busy = !over_ && (asker.asked < work_.requests || (asker.proving && !asker.proven));
  if (!asker.busy) return;
  question made;
  made.client = number;
  made.deadline = cluster_.now() + work_.deadline;
  const bool sessions = work_.what == workload::shape::sessions;
  if (sessions) {
    made.subject = number;
    made.replay = asker.rows > 0 && asker.epoch == 0;
    made.first = made.replay ? 0 : asker.rows;
    made.count = made.replay ? asker.rows : asker.rows == 0 ? prompt_rows : 1;
  } else {
    made.subject = next_batch_++ % 16;
    made.count = batch_rows;
  }
  const std::uint64_t id = ++questions_;
  cluster_.as_host(0, [&] {
    open_.emplace(id, made);
    const std::uint64_t ticket = version_->core->submit(
        model_.inputs(made.subject, made.first, made.count), made.deadline, sessions && !made.replay ? asker.epoch : 0,
        [this, id](const result<run_result>& outcome) { answered(id, outcome); });
    if (const auto still = open_.find(id); still != open_.end()) still->second.ticket = ticket;
  });
}

void host_program::answered(std::uint64_t id, const result<run_result>& outcome) {
  if (over_) return;
  const auto found = open_.find(id);
  if (found == open_.end()) return told_.violated("I1", fmt::format("request {} is answered twice", id));
  const question asked = found->second;
  open_.erase(found);
  client& asker = clients_[asked.client];
  cluster_.note(outcome ? 1 : 2 + static_cast<std::uint64_t>(outcome.error().code()));
  cluster_.trace("client {} is answered {}", asked.client, outcome ? "ok" : outcome.error().to_string());
  if (cluster_.now() > asked.deadline + grace + excused_)
    told_.violated(
        "I1",
        fmt::format("a request is answered {} ms after its deadline",
                    std::chrono::duration_cast<std::chrono::milliseconds>(cluster_.now() - asked.deadline).count()));
  if (!outcome) {
    if (outcome.error().code() == errc::cancelled && !asked.cancelled)
      told_.violated("I1", "a request that nobody withdrew is answered as cancelled");
    return fail(asker, outcome.error());
  }
  recoveries_ += outcome->recoveries;
  check(asked, *outcome);
  if (work_.what == workload::shape::sessions) {
    if (asker.epoch != 0 && !asked.replay && outcome->state_epoch != asker.epoch)
      told_.violated("I4", "a step is answered from another epoch than it asked for");
    asker.epoch = outcome->state_epoch;
    if (asked.replay) return go_on(asker, {});
    asker.rows += asked.count;
  }
  ++answered_;
  ++asker.asked;
  if (asker.proving && !asker.proven) {
    asker.proven = true;
    --unproven_;
  }
  go_on(asker, work_.every);
}

void host_program::check(const question& asked, const run_result& answer) {
  const auto want = model_.expected(asked.subject, asked.first, asked.count);
  if (!want) return told_.violated("start", want.error().to_string());
  if (answer.outputs.size() != 1 || !bitwise_equal(answer.outputs[0], *want))
    told_.violated("I2", fmt::format("rows {} to {} of {} {} differ from those of a cluster without faults",
                                     asked.first, asked.first + asked.count - 1,
                                     work_.what == workload::shape::sessions ? "session" : "batch", asked.subject));
}

void host_program::fail(client& asker, const error& why) {
  asker.epoch = 0;
  if (why.code() == errc::state_lost) {
    ++recoveries_;
    return go_on(asker, std::chrono::milliseconds(1));
  }
  last_failure_ = why.to_string();
  ++failed_;
  // The client of a session asks again for the row that it has not got; that of batches goes on.
  if (work_.what != workload::shape::sessions || ended_) ++asker.asked;
  go_on(asker, pause_after_failure);
}

}  // namespace troupe::simulation
