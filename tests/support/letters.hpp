// One envelope for each record, always the same: for round trips, golden bytes and mutations.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/need.hpp"
#include "troupe/transport/codec.hpp"

namespace troupe::test {

struct named_letter {
  std::string name;
  wire::envelope letter;
};

/// Every record in an envelope of a kind it travels in.
inline std::vector<named_letter> sample_letters();

/// Elements counting up, as bytes; 0 and 1 for booleans.
inline tensor counting_tensor(dtype type, const shape& dims) {
  tensor made = need(tensor::make(type, dims));
  std::size_t next = 0;
  for (std::byte& b : made.mutable_bytes()) b = static_cast<std::byte>(type == dtype::boolean ? next++ % 2 : next++);
  return made;
}

/// A graph with every kind of attribute, unknown extents, a constant inside the head and one outside.
inline graph sample_graph() {
  graph made;
  made.name = "sample";
  const value_id x = made.add_value({"x", dtype::f32, true, std::vector<dimension>{{-1, "batch"}, {3, ""}}});
  const value_id w = made.add_constant("w", counting_tensor(dtype::f32, {3, 2}));
  const value_id big = made.add_constant("big", counting_tensor(dtype::f16, {67, 67}));
  const value_id y = made.add_value({"y", dtype::f16, false, std::nullopt});
  made.inputs = {x};
  made.outputs = {y};
  node step;
  step.op = "Gemm";
  step.name = "first";
  step.version = 13;
  step.inputs = {x, w, no_value, big};
  step.outputs = {y, no_value};
  step.attributes["axis"] = std::int64_t{-1};
  step.attributes["alpha"] = 0.5f;
  step.attributes["mode"] = std::string("li\0near", 7);
  step.attributes["pads"] = std::vector<std::int64_t>{1, 2, 3};
  step.attributes["scales"] = std::vector<float>{1.5f, -2.0f};
  step.attributes["names"] = std::vector<std::string>{"", "b"};
  step.attributes["value"] = counting_tensor(dtype::i64, {});
  made.nodes.push_back(std::move(step));
  made.metadata = {{"labels", "cat\ndog"}, {"producer", "a test"}};
  return made;
}

inline std::vector<named_letter> sample_letters() {
  using namespace wire;
  using kind = envelope_kind;
  const node_id here{0x0123456789abcdefu, 0xfedcba9876543210u};
  const actor_ref sender{here, 42, "127.0.0.1:7300"};
  const actor_ref other{{7, 8}, 43, ""};
  error failure(errc::device_lost, "the device \"llvmpipe\" stopped working; make a new one");
  failure.while_doing("running node 3").while_doing("running part 1");

  step pass;
  pass.plan_id = 99;
  pass.request = 100;
  pass.attempt = 1;
  pass.micro = 2;
  pass.stage = 3;
  pass.deadline_ms = 1500;
  pass.route = {other, sender};
  pass.origin = sender;
  for (const dtype type :
       {dtype::f16, dtype::f32, dtype::f64, dtype::i8, dtype::u8, dtype::i32, dtype::i64, dtype::boolean})
    pass.tensors.push_back(counting_tensor(type, {3, 5}));
  pass.tensors.push_back(counting_tensor(dtype::f32, {0, 4}));
  pass.tensors.push_back(counting_tensor(dtype::f32, {1, 1, 1, 1, 1, 1, 1, 1}));
  pass.tensors.push_back(counting_tensor(dtype::u8, {4096}));
  pass.tensors.push_back(counting_tensor(dtype::u8, {4097}));
  pass.tensors.push_back(counting_tensor(dtype::boolean, {5000}));

  tree_node tree{"root", "supervisor", "running", 1, {}};
  tree.children = {{"devices", "supervisor", "running", 0, {{"shard 0", "worker", "restarting", 4, {}, "llvmpipe"}}},
                   {"links", "supervisor", "running", 0, {}}};

  std::vector<named_letter> all;
  const auto add = [&](const char* name, kind as, body held) {
    all.push_back({name, {as, 5, 1, sender, std::move(held)}});
  };
  add("load_part", kind::request,
      load_part{99, 1, part_kind::stage, sample_graph(), dtype::f16, "llvmpipe", 5, 30'000, sender, 2});
  graph lacking = sample_graph();
  const value_id big = lacking.constants.rbegin()->first;
  const tensor moved = lacking.constants.at(big);
  lacking.constants.erase(big);
  lacking.inputs.push_back(big);
  load_part by_reference{99, 1, part_kind::stage, lacking, dtype::f16, "", 5, 30'000, sender, 2};
  by_reference.weights.weights = {{big, moved.type(), moved.dims(), 0, 500}};
  by_reference.weights.chunks = {{need(hash_of(moved.bytes())), 5000}, {{}, 4478}};
  by_reference.holders = {sender, other};
  add("load_part_by_reference", kind::request, by_reference);
  add("part_up", kind::response, part_up{99, 1, 3, other, "llvmpipe (LLVM 15.0.6, 256 bits)", 2, "attic"});
  add("part_failed", kind::message, part_failed{99, 1, failure, 2});
  add("unload_plan", kind::message, unload_plan{99});
  add("step", kind::message, pass);
  pass.tensors.clear();
  pass.stage_seconds = {0.0125f, 0, 2};
  add("step_with_times", kind::message, std::move(pass));
  add("step_failed", kind::message, step_failed{99, 100, 1, 2, 3, failure});
  add("cancel", kind::message, cancel{99, 100});
  add("node_status_request", kind::request, node_status_request{});
  add("node_status", kind::response,
      node_status{"attic",
                  here,
                  {{0, "llvmpipe", "cpu", "llvmpipe 22.3.6", 8u << 20}, {1, "reference", "host", "", 0}},
                  tree,
                  "0.1.0"});
  add("connect_peer", kind::request, connect_peer{"[::1]:7301"});
  add("ok", kind::response, ok{});
  add("ping", kind::request, ping{0xffffffffffffffffu});
  add("pong", kind::response, pong{1});
  add("kill_part", kind::message, kill_part{99, 1, kill_how::actor_hang});
  add("unload_part", kind::message, unload_part{99, 1, 2});
  add("node_leaving", kind::message, node_leaving{99, 2});
  add("chunk_request", kind::request, chunk_request{need(hash_of({}))});
  add("chunk", kind::response, chunk{counting_tensor(dtype::u8, {5000})});
  add("part_progress", kind::message, part_progress{99, 1, 2, 3, 4, 5});
  add("ability_request", kind::request, ability_request{});
  add("ability", kind::response, ability{"llvmpipe", "llvmpipe 22.3.6", 8u << 20, 5e10, 1.25e10, 2e-5, 1e-4});
  add("link_probe", kind::request, link_probe{counting_tensor(dtype::u8, {5000})});
  stream_request asked;
  asked.tokens = {1, 2, 300};
  asked.layout = "chatml";
  asked.system = "be brief";
  asked.tokens_max = 7;
  asked.sampling.temperature = 0.5;
  asked.sampling.seed = 11;
  asked.stops = {"stop", std::string("\0here", 5)};
  add("open_stream", kind::message, open_stream{here, 5, 0x1122334455667788u, asked});
  add("stream_part", kind::message,
      stream_part{here, 5, {6, 7}, std::string("\xff\0", 2), 9, 3, true, stream_finish::failed, failure, 250});
  add("stream_ack", kind::message, stream_ack{here, 6, true});
  add("error", kind::error, failure);
  add("down", kind::down, failure);
  add("monitor", kind::monitor, std::monostate());
  add("demonitor", kind::demonitor, std::monostate());
  return all;
}

/// What arrives when `sent` is sent, without a link between.
inline wire::incoming_message arrive(const wire::outgoing_message& sent) {
  return {sent.head, sent.attachments, sent.lane};
}

/// Head and attachments in one row, to compare and to keep.
inline std::vector<std::byte> flatten(const wire::outgoing_message& message) {
  std::vector<std::byte> all;
  const auto number = [&](std::uint64_t value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    all.insert(all.end(), bytes.begin(), bytes.end());
  };
  number(message.head.size);
  number(message.attachments.size());
  for (const wire::blob& part : message.attachments) number(part.size);
  all.insert(all.end(), message.head.bytes().begin(), message.head.bytes().end());
  for (const wire::blob& part : message.attachments) all.insert(all.end(), part.bytes().begin(), part.bytes().end());
  return all;
}

}  // namespace troupe::test
