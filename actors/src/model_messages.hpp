// Every message that Troupe's actors send each other, apart from supervision. Those marked "wire" may cross a link; the
// codec of the remote proxies (remoting) knows exactly these, and refuses all others in both directions.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/result.hpp"
#include "troupe/engine/tensor_cut.hpp"
#include "troupe/system.hpp"
#include "troupe/transport/packed_weights.hpp"
#include "troupe/transport/records.hpp"

namespace troupe {

using ok_atom = caf::atom_constant<caf::atom("ok")>;
/// To a node: tell those whose parts run here that this process is about to stop; answered with `ok_atom` when they
/// have taken all of them elsewhere.
using leave_atom = caf::atom_constant<caf::atom("leave")>;

/// Wire. A micro-batch on its way. Each shard takes the first hop off `route` and sends its outputs there; the last hop
/// is the aggregator. Answered with `ok_atom` when the receiver has queued it, so that the sender knows it arrived.
struct step_msg {
  std::uint64_t plan = 0;
  std::uint64_t request = 0;
  std::uint32_t attempt = 0;  ///< a late answer to an earlier attempt is recognised by this
  std::uint32_t micro = 0;
  std::uint32_t stage = 0;  ///< of the receiver; the number of stages when that is the aggregator
  time_point deadline;      ///< on this process's clock; travels as remaining milliseconds
  std::vector<caf::actor> route;
  caf::actor origin;  ///< the coordinator, who hears of failures
  std::vector<tensor> tensors;
  /// Tensor parallelism: each slice gets the inputs with `stage` 0 and all slices in `route`, before the aggregator.
  /// What slices send each other has no route: partial results of segment `stage` - 1 from this slice.
  std::uint32_t slice = 0;
  /// How long the devices of the stages that it has passed took; slices tell none.
  std::vector<float> stage_seconds;
};

/// Wire. Shard to coordinator: this attempt ends here.
struct step_failed_msg {
  std::uint64_t plan = 0, request = 0;
  std::uint32_t attempt = 0, micro = 0, stage = 0;
  error why{errc::internal, ""};
};

/// Wire. Coordinator to node: load this part and keep it alive. Answered with `ok_atom`; then `part_up_msg` for every
/// incarnation that is ready, or `part_failed_msg` once.
struct load_part_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0;
  std::uint32_t host = 0;  ///< the coordinator's number for the node, given back in the answers
  std::shared_ptr<const graph> network;
  dtype storage = dtype::f16;
  restart_limits restarts;
  caf::actor observer;
  std::vector<caf::actor> holders;  ///< nodes that have the weights, should this one lack them
  /// At the sender: how the weights of `network` travel; nothing: within it.
  std::shared_ptr<const packed_weights> weights;
  /// At a receiver on another node: constants that `network` lacks, and has as its last inputs; nothing: it is
  /// complete.
  std::shared_ptr<const weight_manifest> lacking;
};

/// Wire. Node to node: give me this chunk of weights. Answered with `chunk_msg`.
struct chunk_request_msg {
  content_hash hash;
};
struct chunk_msg {
  tensor data;  ///< uint8[n]; n is 0 when the chunk is not here

  static chunk_msg none() { return {tensor::make(dtype::u8, shape{0}).value()}; }
};

/// Wire. A node's parameter store to the coordinator, while the weights of a part are fetched.
struct part_progress_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0, host = 0;
  std::uint64_t bytes_done = 0, bytes_total = 0;
  std::uint64_t bytes_moved = 0;  ///< of those done: from other nodes
};

/// Wire. Node to coordinator.
struct part_up_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0, host = 0;
  std::uint64_t incarnation = 0;
  caf::actor shard;
  std::string node, device;
};

/// Wire. Node to coordinator: this part cannot be kept alive here.
struct part_failed_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0, host = 0;
  error why{errc::internal, ""};
};

/// Wire. Coordinator to node: nobody needs the parts of this plan any more.
struct unload_plan_msg {
  std::uint64_t plan = 0;
};

/// Wire. Coordinator to node: this part is not needed any more, if it is the one that was loaded for this `host`.
struct unload_part_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0, host = 0;
};

/// Wire. Node to coordinator: this node is about to stop. It waits a while for its parts to be unloaded.
struct node_leaving_msg {
  std::uint64_t plan = 0;
  std::uint32_t host = 0;
};

/// Wire. Fault injection: end the shard as if it had crashed. Answered with `ok_atom` or an error.
struct kill_part_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0;
};

/// Wire. Answered with `node_status_msg`.
struct node_status_request_msg {};
struct node_status_msg {
  tree_node tree;
  std::string version;  ///< of Troupe
  std::vector<wire::device_summary> devices;
};

/// Wire. Asks a node to have a link to the node that listens there, so that stages can talk without a detour. Answered
/// with `ok_atom` or an error.
struct connect_peer_msg {
  std::string address;
};

/// Wire. How fast the node's device is. Answered with `ability_msg`, after seconds if it has to be measured.
struct ability_request_msg {};
struct ability_msg {
  node_ability ability;
};

/// Wire. Bytes to time a link with. Answered with `ok_atom`.
struct link_probe_msg {
  tensor payload;
};

// From here on: inside one process only.

/// Membership to coordinator: this node can be used from now on, or should not be used any longer.
struct host_joined_msg {
  caf::actor node;
};
struct host_retiring_msg {
  caf::actor node;
};

/// A shard to the node that runs it.
struct shard_ready_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0;
  std::uint64_t incarnation = 0;
  caf::actor shard;
  std::string device;
};
/// Why the shard is about to end; `final` when starting it again cannot help.
struct shard_failing_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0;
  error why{errc::internal, ""};
  bool final = false;
};

/// Remoting to membership: how an attempt to link to a node ended.
struct member_linked_msg {
  std::uint32_t member = 0;
  result<caf::actor> node = error(errc::internal, "");
};
/// Timer of the membership.
struct member_due_msg {
  std::uint32_t member = 0;
};

/// Control half of a shard to its device half, and back.
struct compute_msg {
  std::size_t segment = 0;  ///< of a slice; otherwise the only one
  std::vector<tensor> inputs;
  time_point deadline;
};
struct computed_msg {
  result<std::vector<tensor>> outcome = error(errc::internal, "");
  float seconds = 0;  ///< that the device took
};
struct device_ready_msg {
  result<std::string> device = error(errc::internal, "");  ///< its name
  std::shared_ptr<const slice_program> program;            ///< what was loaded
};

/// Calls a function exactly once: with the answer by `resolve`, or with nothing when the last copy is destroyed without
/// one. So a request that dies with its actor is noticed, not forgotten (fault A4).
class completion {
public:
  using callback = std::function<void(std::optional<result<run_result>>)>;
  completion() = default;
  explicit completion(callback done) : guard_(std::make_shared<guard>(std::move(done))) {}
  void resolve(result<run_result> outcome) const {
    if (guard_) guard_->call(std::move(outcome));
  }

private:
  struct guard {
    explicit guard(callback done) : done_(std::move(done)) {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { call(std::nullopt); }
    void call(std::optional<result<run_result>> outcome) {
      if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
    }
    callback done_;
  };
  std::shared_ptr<guard> guard_;
};

/// Facade to coordinator. `ticket` is the facade's number of the submission, for `cancel_msg`.
struct submit_msg {
  std::uint64_t ticket = 0;
  std::vector<tensor> inputs;
  time_point deadline;
  std::uint64_t state_epoch = 0;
  completion done;
};
/// Facade to coordinator: nobody waits for this submission any more.
struct cancel_msg {
  std::uint64_t ticket = 0;
};
/// Who wants to hear, once, that every part is up or that the plan failed.
struct notify_ready_msg {
  std::function<void(result<void>)> done;
};
/// Facade to coordinator: where the parts are.
struct placement_request_msg {
  std::function<void(std::vector<part_placement>)> done;
};
/// Facade to coordinator: have this part's shard ended, as fault injection.
struct inject_kill_msg {
  std::uint32_t part = 0;
  std::function<void(result<void>)> done;
};
/// Supervisor to coordinator: there is a new aggregator.
struct aggregator_replaced_msg {
  caf::actor aggregator;
};

/// Coordinator to aggregator. Results of attempts before `first_attempt` do not count.
struct expect_join_msg {
  std::uint64_t request = 0;
  std::uint32_t micros = 0;
  std::uint32_t first_attempt = 0;
};
struct forget_join_msg {
  std::uint64_t request = 0;
};
/// How long the stages took of the attempt at a micro-batch that came in last.
struct stage_times {
  std::uint32_t attempt = 0, micro = 0;
  std::vector<float> stage_seconds;
};
/// Aggregator to coordinator: one of several micro-batches is there.
struct micro_joined_msg {
  std::uint64_t request = 0;
  stage_times times;
};
/// Aggregator to coordinator.
struct joined_msg {
  std::uint64_t request = 0;
  std::uint32_t first_attempt = 0;  ///< as it was expected
  result<std::vector<tensor>> outcome = error(errc::internal, "");
  stage_times times;
};

/// Timers of the coordinator.
struct deadline_tick_msg {
  std::uint64_t request = 0;
};
struct late_tick_msg {
  std::uint64_t request = 0;
};
struct retry_tick_msg {
  std::uint64_t request = 0;
  std::uint32_t micro = 0, attempt = 0;
};

}  // namespace troupe

// CAF must not try to serialise these: remote proxies encode the wire messages by Cap'n Proto schema instead.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::step_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::step_failed_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::load_part_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::chunk_request_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::chunk_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::part_progress_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::part_up_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::part_failed_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::unload_plan_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::unload_part_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::node_leaving_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::host_joined_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::host_retiring_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::kill_part_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::node_status_request_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::node_status_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::connect_peer_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ability_request_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ability_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::link_probe_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::shard_ready_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::shard_failing_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::member_linked_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::member_due_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::compute_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::computed_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::device_ready_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::submit_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::cancel_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::notify_ready_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::placement_request_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::inject_kill_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::aggregator_replaced_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::expect_join_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::forget_join_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::micro_joined_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::joined_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::late_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::deadline_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::retry_tick_msg)
