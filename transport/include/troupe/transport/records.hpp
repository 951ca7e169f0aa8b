// Every record that travels between nodes, as plain values. `schemas/wire.capnp` is the protocol document: what a
// record means, who sends it and when, is said there once.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "troupe/engine/error.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/transport/message.hpp"
#include "troupe/transport/node_id.hpp"
#include "troupe/transport/stream_request.hpp"
#include "troupe/transport/weight_manifest.hpp"

namespace troupe::wire {

/// Names one actor on one node. An empty reference (node 0) names nobody.
struct actor_ref {
  node_id node;
  std::uint64_t actor = 0;
  std::string address;  ///< "HOST:PORT" where that node accepts links; may be empty

  explicit operator bool() const noexcept { return static_cast<bool>(node) && actor != 0; }
  friend bool operator==(const actor_ref&, const actor_ref&) = default;
};

/// How a part relates to its plan. Values travel on the wire: add at the end, never renumber.
enum class part_kind : std::uint8_t { stage = 1, replica = 2, slice = 3, member = 4 };

struct load_part {
  std::uint64_t plan_id = 0;
  std::uint32_t part = 0;
  part_kind kind = part_kind::stage;
  graph model;
  dtype storage = dtype::f16;
  std::string device;  ///< selector as `open_device` takes it
  std::uint32_t restart_intensity = 0;
  std::uint32_t window_ms = 0;
  actor_ref observer;
  std::uint32_t host = 0;  ///< the coordinator's number for the node, repeated in what follows
  /// Constants that `model` lacks: they are its last inputs. Empty when it is complete.
  weight_manifest weights;
  std::vector<actor_ref> holders;  ///< nodes that have the weights
};

struct part_up {
  std::uint64_t plan_id = 0;
  std::uint32_t part = 0;
  std::uint64_t incarnation = 0;
  actor_ref shard;
  std::string device_name;
  std::uint32_t host = 0;
  std::string node_name;
};

struct part_failed {
  std::uint64_t plan_id = 0;
  std::uint32_t part = 0;
  error failure{errc::internal, ""};
  std::uint32_t host = 0;
};

struct unload_plan {
  std::uint64_t plan_id = 0;
};

struct unload_part {
  std::uint64_t plan_id = 0;
  std::uint32_t part = 0;
  std::uint32_t host = 0;
};

struct node_leaving {
  std::uint64_t plan_id = 0;
  std::uint32_t host = 0;
};

struct step {
  std::uint64_t plan_id = 0;
  std::uint64_t request = 0;
  std::uint32_t attempt = 0;
  std::uint32_t micro = 0;
  std::uint32_t stage = 0;
  std::uint32_t deadline_ms = 0;  ///< what is left when the message is sent
  std::vector<actor_ref> route;   ///< hops still to come, next one first
  actor_ref origin;
  std::vector<tensor> tensors;
  std::uint32_t slice = 0;           ///< who made the partial results that slices send each other
  std::vector<float> stage_seconds;  ///< that the devices of the stages before took
};

struct step_failed {
  std::uint64_t plan_id = 0;
  std::uint64_t request = 0;
  std::uint32_t attempt = 0;
  std::uint32_t micro = 0;
  std::uint32_t stage = 0;
  error failure{errc::internal, ""};
};

struct cancel {
  std::uint64_t plan_id = 0;
  std::uint64_t request = 0;
};

struct node_status_request {};

/// What a node tells about one of its devices.
struct device_summary {
  std::uint32_t index = 0;
  std::string name;
  std::string type;
  std::string driver;
  std::uint64_t memory_bytes = 0;
  friend bool operator==(const device_summary&, const device_summary&) = default;
};

/// One actor in a node's supervision tree.
struct tree_node {
  std::string name;
  std::string kind;
  std::string state;
  std::uint32_t restarts = 0;
  std::vector<tree_node> children;
  std::string detail;
  friend bool operator==(const tree_node&, const tree_node&) = default;
};

struct node_status {
  std::string name;
  node_id id;
  std::vector<device_summary> devices;
  tree_node tree;
  std::string version;  ///< of Troupe
};

struct connect_peer {
  std::string address;
};

struct ok {};

struct ping {
  std::uint64_t value = 0;
};

struct pong {
  std::uint64_t value = 0;
};

/// What `kill_part` does. Values travel on the wire: add at the end, never renumber.
enum class kill_how : std::uint8_t { actor_exit = 1, actor_throw = 2, actor_hang = 3, device_lost = 4, process = 5 };

struct kill_part {
  std::uint64_t plan_id = 0;
  std::uint32_t part = 0;
  kill_how how = kill_how::actor_exit;
};

struct chunk_request {
  content_hash hash;
};

struct chunk {
  tensor data;  ///< uint8[n]; empty when the node does not have it
};

struct part_progress {
  std::uint64_t plan_id = 0;
  std::uint32_t part = 0;
  std::uint32_t host = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_moved = 0;  ///< came from other nodes
};

struct ability_request {};

struct ability {
  std::string device;
  std::string driver;
  std::uint64_t memory_bytes = 0;
  double operations_per_s = 0;
  double bytes_per_s = 0;
  double dispatch_s = 0;
  double run_s = 0;
};

struct link_probe {
  tensor payload;
};

struct open_stream {
  node_id id;  ///< drawn by the client
  std::uint32_t next_index = 0;
  std::uint64_t fingerprint = 0;  ///< of what comes before `next_index`, as the server told it; 0: not known
  stream_request request;
};

struct stream_part {
  node_id id;
  std::uint32_t first = 0;  ///< index of the first of `tokens`
  std::vector<token_id> tokens;
  std::string text;               ///< that became certain with them; any bytes
  std::uint64_t fingerprint = 0;  ///< of everything up to the last of `tokens`
  std::uint32_t prompt_tokens = 0;
  bool durable = false;
  stream_finish finished = stream_finish::none;
  error failure{errc::internal, ""};  ///< with `failed`
  std::uint32_t retry_after_ms = 0;   ///< with `overloaded`
};

struct stream_ack {
  node_id id;
  std::uint32_t received = 0;
  bool cancel = false;
};

/// What an envelope carries; `std::monostate` for none. The order is that of the schema's union.
using body = std::variant<std::monostate, error, ok, load_part, part_up, part_failed, unload_plan, step, step_failed,
                          cancel, node_status_request, node_status, connect_peer, ping, pong, kill_part, unload_part,
                          node_leaving, chunk_request, chunk, part_progress, ability_request, ability, link_probe,
                          open_stream, stream_part, stream_ack>;

/// What a message is to the actors at both ends. Values travel on the wire: add at the end, never renumber.
enum class envelope_kind : std::uint8_t {
  message = 0,   ///< no answer expected; carries a record
  request = 1,   ///< answered by `response` or `error` with the same correlation; carries a record
  response = 2,  ///< carries a record
  error = 3,     ///< the answer is a failure; carries an error
  down = 4,      ///< `sender` has ended; carries the reason as an error
  monitor = 5,   ///< `sender` wants to hear when `target` ends; carries nothing
  demonitor = 6  ///< takes the last one back; carries nothing
};

struct envelope {
  envelope_kind kind = envelope_kind::message;
  std::uint64_t correlation = 0;  ///< chosen by who requests; 0 where there is no request
  std::uint64_t target = 0;       ///< actor on the receiving node
  actor_ref sender;               ///< whom to answer; may be nobody
  wire::body body;
};

/// The lane that an envelope travels in. What carries graphs or activations, and what must not overtake those, is bulk;
/// weights are background.
lane lane_of(const envelope& letter) noexcept;

/// The record's name for messages, e.g. "load_part"; "nothing" for an empty body.
std::string_view name_of(const body& record) noexcept;

}  // namespace troupe::wire
