#include "wire_messages.hpp"

#include <caf/message.hpp>
#include <limits>

#include "caf_error.hpp"
#include "model_messages.hpp"

namespace troupe {
namespace {

/// A deadline travels as the time that is left, because clocks of two machines have nothing in common.
std::uint32_t remaining_ms(time_point deadline, const handle_translator& handles) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - handles.now()).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<std::uint32_t>::max()));
}

wire::tree_node to_wire(const tree_node& tree) {
  wire::tree_node made{tree.name, tree.kind, tree.state, tree.restarts, {}, tree.detail};
  for (const tree_node& child : tree.children) made.children.push_back(to_wire(child));
  return made;
}

tree_node from_wire(const wire::tree_node& tree) {
  tree_node made{tree.name, tree.kind, tree.state, tree.detail, tree.restarts, {}};
  for (const wire::tree_node& child : tree.children) made.children.push_back(from_wire(child));
  return made;
}

// One `encode` for each message that may be sent, one `decode` for each record that may arrive.

wire::body encode(const ok_atom&, handle_translator&) {
  return wire::ok{};
}
wire::body encode(const caf::error& m, handle_translator&) {
  return from_caf(m);
}
wire::body encode(const step_msg& m, handle_translator& handles) {
  wire::step record{m.plan,
                    m.request,
                    m.attempt,
                    m.micro,
                    m.stage,
                    remaining_ms(m.deadline, handles),
                    {},
                    handles.to_reference(m.origin),
                    m.tensors,
                    m.slice,
                    m.stage_seconds};
  for (const caf::actor& hop : m.route) record.route.push_back(handles.to_reference(hop));
  return record;
}
wire::body encode(const step_failed_msg& m, handle_translator&) {
  return wire::step_failed{m.plan, m.request, m.attempt, m.micro, m.stage, m.why};
}
wire::body encode(const load_part_msg& m, handle_translator& handles) {
  wire::load_part record;
  record.plan_id = m.plan;
  record.part = m.part;
  record.host = m.host;
  record.model = m.weights ? m.weights->skeleton() : *m.network;
  if (m.weights) record.weights = m.weights->manifest();
  for (const caf::actor& holder : m.holders) record.holders.push_back(handles.to_reference(holder));
  record.storage = m.storage;
  record.restart_intensity = m.restarts.restarts_max;
  record.window_ms = static_cast<std::uint32_t>(m.restarts.window.count());
  record.observer = handles.to_reference(m.observer);
  return record;
}
wire::body encode(const part_up_msg& m, handle_translator& handles) {
  return wire::part_up{m.plan, m.part, m.incarnation, handles.to_reference(m.shard), m.device, m.host, m.node};
}
wire::body encode(const part_failed_msg& m, handle_translator&) {
  return wire::part_failed{m.plan, m.part, m.why, m.host};
}
wire::body encode(const unload_plan_msg& m, handle_translator&) {
  return wire::unload_plan{m.plan};
}
wire::body encode(const unload_part_msg& m, handle_translator&) {
  return wire::unload_part{m.plan, m.part, m.host};
}
wire::body encode(const node_leaving_msg& m, handle_translator&) {
  return wire::node_leaving{m.plan, m.host};
}
wire::body encode(const kill_part_msg& m, handle_translator&) {
  return wire::kill_part{m.plan, m.part};
}
wire::body encode(const node_status_request_msg&, handle_translator&) {
  return wire::node_status_request{};
}
wire::body encode(const node_status_msg& m, handle_translator&) {
  return wire::node_status{m.tree.name, {}, m.devices, to_wire(m.tree), m.version};
}
wire::body encode(const connect_peer_msg& m, handle_translator&) {
  return wire::connect_peer{m.address};
}
wire::body encode(const chunk_request_msg& m, handle_translator&) {
  return wire::chunk_request{m.hash};
}
wire::body encode(const chunk_msg& m, handle_translator&) {
  return wire::chunk{m.data};
}
wire::body encode(const part_progress_msg& m, handle_translator&) {
  return wire::part_progress{m.plan, m.part, m.host, m.bytes_done, m.bytes_total, m.bytes_moved};
}
wire::body encode(const ability_request_msg&, handle_translator&) {
  return wire::ability_request{};
}
wire::body encode(const ability_msg& m, handle_translator&) {
  const node_ability& held = m.ability;
  return wire::ability{held.device,      held.driver,     held.memory_bytes, held.operations_per_s,
                       held.bytes_per_s, held.dispatch_s, held.run_s};
}
wire::body encode(const link_probe_msg& m, handle_translator&) {
  return wire::link_probe{m.payload};
}

caf::message decode(wire::ok, handle_translator&) {
  return caf::make_message(ok_atom::value);
}
caf::message decode(const error& record, handle_translator&) {
  return caf::make_message(to_caf(record));
}
caf::message decode(wire::step record, handle_translator& handles) {
  step_msg m{record.plan_id,
             record.request,
             record.attempt,
             record.micro,
             record.stage,
             handles.now() + std::chrono::milliseconds(record.deadline_ms),
             {},
             handles.to_handle(record.origin),
             std::move(record.tensors),
             record.slice,
             std::move(record.stage_seconds)};
  for (const wire::actor_ref& hop : record.route) m.route.push_back(handles.to_handle(hop));
  return caf::make_message(std::move(m));
}
caf::message decode(wire::step_failed record, handle_translator&) {
  return caf::make_message(step_failed_msg{record.plan_id, record.request, record.attempt, record.micro, record.stage,
                                           std::move(record.failure)});
}
caf::message decode(wire::load_part record, handle_translator& handles) {
  restart_limits restarts{record.restart_intensity, std::chrono::milliseconds(record.window_ms)};
  load_part_msg m{record.plan_id,
                  record.part,
                  record.host,
                  std::make_shared<const graph>(std::move(record.model)),
                  record.storage,
                  restarts,
                  handles.to_handle(record.observer),
                  {},
                  nullptr,
                  nullptr};
  for (const wire::actor_ref& holder : record.holders) m.holders.push_back(handles.to_handle(holder));
  if (!record.weights.weights.empty()) m.lacking = std::make_shared<const weight_manifest>(std::move(record.weights));
  return caf::make_message(std::move(m));
}
caf::message decode(wire::part_up record, handle_translator& handles) {
  return caf::make_message(part_up_msg{record.plan_id, record.part, record.host, record.incarnation,
                                       handles.to_handle(record.shard), record.node_name, record.device_name});
}
caf::message decode(wire::part_failed record, handle_translator&) {
  return caf::make_message(part_failed_msg{record.plan_id, record.part, record.host, std::move(record.failure)});
}
caf::message decode(wire::unload_part record, handle_translator&) {
  return caf::make_message(unload_part_msg{record.plan_id, record.part, record.host});
}
caf::message decode(wire::node_leaving record, handle_translator&) {
  return caf::make_message(node_leaving_msg{record.plan_id, record.host});
}
caf::message decode(wire::unload_plan record, handle_translator&) {
  return caf::make_message(unload_plan_msg{record.plan_id});
}
caf::message decode(wire::kill_part record, handle_translator&) {
  return caf::make_message(kill_part_msg{record.plan_id, record.part});
}
caf::message decode(wire::node_status_request, handle_translator&) {
  return caf::make_message(node_status_request_msg{});
}
caf::message decode(wire::node_status record, handle_translator&) {
  return caf::make_message(
      node_status_msg{from_wire(record.tree), std::move(record.version), std::move(record.devices)});
}
caf::message decode(wire::connect_peer record, handle_translator&) {
  return caf::make_message(connect_peer_msg{std::move(record.address)});
}
caf::message decode(const wire::chunk_request& record, handle_translator&) {
  return caf::make_message(chunk_request_msg{record.hash});
}
caf::message decode(wire::chunk record, handle_translator&) {
  return caf::make_message(chunk_msg{std::move(record.data)});
}
caf::message decode(const wire::part_progress& record, handle_translator&) {
  return caf::make_message(part_progress_msg{record.plan_id, record.part, record.host, record.bytes_done,
                                             record.bytes_total, record.bytes_moved});
}
caf::message decode(wire::ability_request, handle_translator&) {
  return caf::make_message(ability_request_msg{});
}
caf::message decode(wire::ability record, handle_translator&) {
  return caf::make_message(ability_msg{{std::move(record.device), std::move(record.driver), record.memory_bytes,
                                        record.operations_per_s, record.bytes_per_s, record.dispatch_s, record.run_s}});
}
caf::message decode(wire::link_probe record, handle_translator&) {
  return caf::make_message(link_probe_msg{std::move(record.payload)});
}

/// Tries each type in turn.
template <class... Messages>
std::optional<wire::body> encode_one_of(const caf::message& message, handle_translator& handles) {
  std::optional<wire::body> record;
  const auto attempt = [&](const auto* type) {
    using type_t = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    if (!record && message.match_element<type_t>(0)) record = encode(message.get_as<type_t>(0), handles);
  };
  (attempt(static_cast<const Messages*>(nullptr)), ...);
  return record;
}

}  // namespace

std::optional<wire::body> to_record(const caf::message& message, handle_translator& handles) {
  if (message.size() != 1) return std::nullopt;
  return encode_one_of<ok_atom, caf::error, step_msg, step_failed_msg, load_part_msg, part_up_msg, part_failed_msg,
                       unload_plan_msg, unload_part_msg, node_leaving_msg, kill_part_msg, node_status_request_msg,
                       node_status_msg, connect_peer_msg, chunk_request_msg, chunk_msg, part_progress_msg,
                       ability_request_msg, ability_msg, link_probe_msg>(message, handles);
}

std::optional<caf::message> to_message(wire::body record, handle_translator& handles) {
  return std::visit(
      [&](auto& held) -> std::optional<caf::message> {
        if constexpr (requires { decode(std::move(held), handles); })
          return decode(std::move(held), handles);
        else
          return std::nullopt;
      },
      record);
}

}  // namespace troupe
