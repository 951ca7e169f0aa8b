#include "troupe/transport/codec.hpp"

#include "codec/record_reader.hpp"
#include "forge.hpp"
#include "troupe/transport/limits.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

envelope there_and_back(const envelope& letter) {
  return need(decode(arrive(need(encode(letter)))));
}

template <class Record>
Record body_of(const envelope& letter) {
  return std::get<Record>(letter.body);
}

const envelope& sample(const std::vector<named_letter>& all, std::string_view name) {
  for (const auto& one : all)
    if (one.name == name) return one.letter;
  FAIL("no sample " << name);
  return all.front().letter;
}

void check_refused(const incoming_message& message, std::string_view reason) {
  const auto outcome = decode(message);
  INFO("expected: " << reason);
  REQUIRE_FALSE(outcome);
  INFO(outcome.error().to_string());
  CHECK(outcome.error().message().find(reason) != std::string::npos);
}

}  // namespace

TEST_CASE("every record survives the way through a message") {
  for (const auto& [name, letter] : sample_letters()) {
    INFO(name);
    CHECK(name_of(letter.body) == (letter.kind == envelope_kind::down      ? "error"
                                   : letter.kind >= envelope_kind::monitor ? "nothing"
                                   : name == "load_part_by_reference"      ? "load_part"
                                   : name == "step_with_times"             ? "step"
                                                                           : name));
    const auto sent = need(encode(letter));
    const envelope got = need(decode(arrive(sent)));
    CHECK(got.kind == letter.kind);
    CHECK(got.correlation == letter.correlation);
    CHECK(got.target == letter.target);
    CHECK(got.sender == letter.sender);
    CHECK(got.body.index() == letter.body.index());
    CHECK(flatten(need(encode(got))) == flatten(sent));  // no field is lost
  }
}

TEST_CASE("the fields of a step arrive where they belong") {
  const auto all = sample_letters();
  const auto sent = body_of<step>(sample(all, "step"));
  const auto got = body_of<step>(there_and_back(sample(all, "step")));
  CHECK(got.plan_id == 99);
  CHECK(got.request == 100);
  CHECK(got.attempt == 1);
  CHECK(got.micro == 2);
  CHECK(got.stage == 3);
  CHECK(got.deadline_ms == 1500);
  CHECK(got.route == sent.route);
  CHECK(got.origin == sent.origin);
  REQUIRE(got.tensors.size() == sent.tensors.size());
  for (std::size_t i = 0; i < got.tensors.size(); ++i) {
    INFO(sent.tensors[i].describe());
    CHECK(bitwise_equal(got.tensors[i], sent.tensors[i]));
  }
}

TEST_CASE("the fields of the other records arrive where they belong") {
  const auto all = sample_letters();
  const auto loaded = body_of<load_part>(there_and_back(sample(all, "load_part")));
  const graph expected = sample_graph();
  CHECK(loaded.part == 1);
  CHECK(loaded.kind == part_kind::stage);
  CHECK(loaded.storage == dtype::f16);
  CHECK(loaded.device == "llvmpipe");
  CHECK(loaded.restart_intensity == 5);
  CHECK(loaded.window_ms == 30'000);
  CHECK(loaded.observer.actor == 42);
  CHECK(loaded.model.name == "sample");
  CHECK(loaded.model.inputs == expected.inputs);
  CHECK(loaded.model.outputs == expected.outputs);
  CHECK(loaded.model.metadata == expected.metadata);
  CHECK(loaded.model.values[0].dims == expected.values[0].dims);
  CHECK_FALSE(loaded.model.values[3].dims);
  CHECK(bitwise_equal(loaded.model.constants.at(2), expected.constants.at(2)));
  const node& first = loaded.model.nodes[0];
  CHECK(first.describe() == "Gemm \"first\"");
  CHECK(first.version == 13);
  CHECK(first.inputs == expected.nodes[0].inputs);
  CHECK(first.int_or("axis", 0) == -1);
  CHECK(first.float_or("alpha", 0) == 0.5f);
  CHECK(first.string_or("mode", "") == std::string("li\0near", 7));
  CHECK(first.attributes.size() == 7);
  CHECK(first.tensor_attribute("value")->dims().rank() == 0);

  const auto up = body_of<part_up>(there_and_back(sample(all, "part_up")));
  CHECK(up.incarnation == 3);
  CHECK(up.shard.node == node_id{7, 8});
  const auto failed = body_of<step_failed>(there_and_back(sample(all, "step_failed")));
  CHECK(failed.stage == 3);
  CHECK(failed.failure == body_of<error>(sample(all, "error")));
  const auto status = body_of<node_status>(there_and_back(sample(all, "node_status")));
  CHECK(status.devices == body_of<node_status>(sample(all, "node_status")).devices);
  CHECK(status.tree == body_of<node_status>(sample(all, "node_status")).tree);
  CHECK(body_of<kill_part>(there_and_back(sample(all, "kill_part"))).how == kill_how::actor_hang);
}

TEST_CASE("bodies of nodes travel with their graph, as deep as they may be nested") {
  const auto one_node = [](const std::string& op) {
    graph made;
    made.name = "around " + op;
    made.inputs = {made.add_value({"x", dtype::f32, true, std::nullopt})};
    made.outputs = {made.add_value({"y", dtype::f32, false, std::nullopt})};
    node step;
    step.op = op;
    step.inputs = made.inputs;
    step.outputs = made.outputs;
    made.nodes = {step};
    return made;
  };
  graph model = one_node("Relu");
  for (std::size_t depth = 0; depth < limits::body_depth_max; ++depth) {
    graph around = one_node("If");
    around.nodes[0].attributes["then_branch"] = subgraph(std::make_shared<graph>(std::move(model)));
    model = std::move(around);
  }
  const auto all = sample_letters();
  auto sent = body_of<load_part>(sample(all, "load_part"));
  sent.model = model;
  envelope letter = sample(all, "load_part");
  letter.body = sent;
  const auto got = body_of<load_part>(there_and_back(letter));
  const graph* at = &got.model;
  for (std::size_t depth = 0; depth < limits::body_depth_max; ++depth) {
    REQUIRE(at->nodes.at(0).body_attribute("then_branch"));
    CHECK(at->name == "around If");
    at = at->nodes[0].body_attribute("then_branch");
  }
  CHECK(at->nodes.at(0).op == "Relu");
}

TEST_CASE("large tensors travel without a copy at either end") {
  step pass;
  pass.tensors.push_back(counting_tensor(dtype::f32, {1024, 1024}));
  const std::byte* const data = pass.tensors[0].bytes().data();
  const auto sent = need(encode({envelope_kind::message, 0, 1, {}, pass}));
  REQUIRE(sent.attachments.size() == 1);
  CHECK(sent.attachments[0].data.get() == data);
  CHECK(sent.head.size < 512);
  const auto got = body_of<step>(need(decode(arrive(sent))));
  CHECK(got.tensors[0].bytes().data() == data);
}

TEST_CASE("a tensor that never had storage arrives as zero") {
  step pass;
  pass.tensors.resize(1);
  const auto got = body_of<step>(there_and_back({envelope_kind::message, 0, 1, {}, pass}));
  REQUIRE(got.tensors[0].bytes().size() == 4);
  CHECK(got.tensors[0].as<float>()[0] == 0.0f);
}

TEST_CASE("tensors and what must not overtake them travel as bulk, weights behind them, everything else as control") {
  for (const auto& [name, letter] : sample_letters()) {
    INFO(name);
    const bool bulk = name == "load_part" || name == "load_part_by_reference" || name == "unload_part" ||
                      name == "unload_plan" || name == "step" || name == "step_with_times" || name == "link_probe" ||
                      name == "open_stream" || name == "stream_part" || name == "stream_ack";
    CHECK(need(encode(letter)).lane == (bulk ? lane::bulk : name == "chunk" ? lane::background : lane::control));
  }
}

TEST_CASE("a part's manifest and chunks that cannot be right are refused") {
  const auto all = sample_letters();
  envelope letter = sample(all, "load_part_by_reference");
  std::get<load_part>(letter.body).weights.chunks[1].bytes = 4477;
  check_refused(arrive(need(encode(letter))), "more than the chunks");
  letter = sample(all, "chunk");
  std::get<chunk>(letter.body).data = counting_tensor(dtype::f32, {5000});
  check_refused(arrive(need(encode(letter))), "uint8[n]");
  std::get<chunk>(letter.body).data = counting_tensor(dtype::u8, {chunk_bytes_max + 1});
  check_refused(arrive(need(encode(letter))), "uint8[n]");
}

TEST_CASE("an error of any length can be sent") {
  error failure(errc::internal, std::string(100'000, 'x') + "\xc3\xa9");
  for (int i = 0; i < 100; ++i) failure.while_doing(std::string(8191, 'y') + "\xc3\xa9");
  const auto got = body_of<error>(there_and_back({envelope_kind::error, 1, 1, {}, failure}));
  CHECK(got.message().size() == limits::error_text_bytes_max);
  REQUIRE(got.trail().size() == limits::error_trail_max);
  CHECK(got.trail()[0] == std::string(8191, 'y'));  // half a character is not sent
}

TEST_CASE("an error of every kind arrives as it was sent") {
  for (int code = static_cast<int>(errc::invalid_argument); code <= static_cast<int>(errc::state_lost); ++code) {
    const error failure(static_cast<errc>(code), "why");
    CHECK(to_string(failure.code()) != "unknown");
    CHECK(body_of<error>(there_and_back({envelope_kind::error, 1, 1, {}, failure})) == failure);
  }
}

TEST_CASE("envelopes whose kind and record do not fit are refused on both sides") {
  const std::pair<envelope_kind, body> wrong[] = {{envelope_kind::message, std::monostate()},
                                                  {envelope_kind::request, error(errc::internal, "")},
                                                  {envelope_kind::error, ok()},
                                                  {envelope_kind::down, std::monostate()},
                                                  {envelope_kind::monitor, ping()},
                                                  {envelope_kind::response, std::monostate()}};
  for (const auto& [kind, held] : wrong) CHECK_FALSE(encode({kind, 0, 1, {}, held}));
  check_refused(forge([](auto root) { root.setKind(schema::Envelope::Kind::DOWN); }), "cannot carry nothing");
  check_refused(forge([](auto root) { root.setKind(static_cast<schema::Envelope::Kind>(7)); }), "unknown kind 7");
}

TEST_CASE("values that no honest sender sends are refused, each with its reason") {
  const auto with_tensor = [](auto change, std::vector<blob> attachments = {}) {
    return forge([&](auto root) { change(root.initBody().initStep().initTensors(1)[0]); }, std::move(attachments));
  };
  const auto page = aligned_blob(std::vector<std::byte>(8192));
  check_refused(with_tensor([](auto t) { t.setType(0), t.initInline(4); }), "element type 0");
  check_refused(with_tensor([](auto t) { t.setType(13), t.initInline(4); }), "element type 13");
  check_refused(with_tensor([](auto t) { t.setType(2), t.initInline(3); }), "3 bytes were given");
  check_refused(with_tensor([](auto t) { t.setType(2), t.initInline(5000); }), "inside the head");
  check_refused(with_tensor([](auto t) { t.setType(2), t.setAttachment(0); }), "of a message that has 0");
  check_refused(with_tensor([](auto t) { t.setType(2), t.setAttachment(1); }, {page}), "attachment 1");
  check_refused(with_tensor([](auto t) { t.setType(2), t.setAttachment(0); }, {page}), "8192 bytes were given");
  check_refused(with_tensor([](auto t) { t.setType(8), t.initDims(1).set(0, 1), t.initInline(1)[0] = 2; }), "boolean");
  check_refused(with_tensor([](auto t) { t.setType(2), t.initDims(9), t.initInline(4); }), "rank 9");
  check_refused(with_tensor([](auto t) { t.setType(2), t.initDims(1).set(0, -1), t.initInline(4); }), "negative");
  check_refused(with_tensor([](auto t) {
                  t.setType(3);
                  auto dims = t.initDims(3);
                  for (unsigned i = 0; i < 3; ++i) dims.set(i, std::int64_t{1} << 40);
                  t.initInline(8);
                }),
                "more than 1099511627776 elements");

  check_refused(forge(
                    [](auto root) {
                      auto list = root.initBody().initStep().initTensors(2);
                      for (unsigned i = 0; i < 2; ++i) {
                        list[i].setType(5);
                        list[i].initDims(1).set(0, 8192);
                        list[i].setAttachment(0);
                      }
                    },
                    {page}),
                "same attachment 0");
  check_refused(forge([](auto root) { root.initBody().initStep().initRoute(limits::route_hops_max + 1); }), "258 hops");
  check_refused(forge([](auto root) { root.initBody().initStep().initStageSeconds(limits::route_hops_max + 1); }),
                "258 stages");
  for (const float taken : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    check_refused(forge([&](auto root) { root.initBody().initStep().initStageSeconds(1).set(0, taken); }),
                  "is said to have taken");
  check_refused(forge([](auto root) { root.initBody().initStep().initTensors(4097); }), "4097 tensors");
  check_refused(forge([](auto root) { root.initSender().initAddress(256); }), "256 bytes");
  check_refused(forge([](auto root) { root.initBody().initKillPart().setHow(6); }), "way 6");
  check_refused(forge([](auto root) { root.initBody().initLoadPart().setKind(0); }), "kind 0");
  check_refused(forge([](auto root) { root.initBody().initLoadPart().setKind(1); }), "element type 0");
  check_refused(forge([](auto root) {
                  auto load = root.initBody().initLoadPart();
                  load.setKind(1);
                  load.setStorage(7);
                }),
                "cannot be kept as int64");
  check_refused(forge([](auto root) {
                  auto load = root.initBody().initLoadPart();
                  load.setKind(1);
                  load.setStorage(1);
                }),
                "no output");
  check_refused(forge([](auto root) {
                  root.setKind(schema::Envelope::Kind::ERROR);
                  root.initBody().initError().setCode(200);
                }),
                "error code 200");
  check_refused(forge([](auto root) {
                  root.setKind(schema::Envelope::Kind::ERROR);
                  root.initBody().initError().setCode(static_cast<std::uint8_t>(errc::state_lost) + 1);
                }),
                "error code 10");
  check_refused(forge([](auto root) {
                  auto tree = root.initBody().initNodeStatus().initTree();
                  for (std::size_t i = 0; i < limits::tree_depth_max; ++i) tree = tree.initChildren(1)[0];
                }),
                "more than the 24 levels");
}

TEST_CASE("graphs that the engine would refuse are refused on both sides") {
  load_part part;
  part.model = sample_graph();
  part.model.nodes[0].inputs[0] = 77;
  const auto sent = encode({envelope_kind::request, 1, 1, {}, part});
  REQUIRE_FALSE(sent);
  CHECK(sent.error().message().find("value 77, which does not exist") != std::string::npos);

  const auto with_graph = [](auto change) {
    return forge([&](auto root) {
      auto load = root.initBody().initLoadPart();
      load.setKind(1);
      load.setStorage(1);
      change(load.initGraph());
    });
  };
  const auto name_value = [](auto graph, const char* name) {
    auto value = graph.initValues(1)[0];
    value.setName(name);
    value.setType(1);
  };
  check_refused(with_graph([&](auto g) { name_value(g, "x"), g.initOutputs(1).set(0, 5); }), "value 5");
  check_refused(with_graph([&](auto g) { name_value(g, "x"), g.initOutputs(1).set(0, 0); }), "no node makes");
  check_refused(with_graph([&](auto g) { name_value(g, ""), g.initOutputs(1).set(0, 0); }), "0 characters");
  check_refused(with_graph([&](auto g) {
                  auto list = g.initNodes(1)[0].initAttributes(2);
                  list[0].setInteger(1);
                  list[1].setInteger(2);
                }),
                "twice");
  check_refused(with_graph([&](auto g) {
                  auto list = g.initConstants(2);
                  for (unsigned i = 0; i < 2; ++i) {
                    list[i].initData().setType(5);
                    list[i].getData().initInline(1);
                  }
                }),
                "constant 0 is given twice");
}

TEST_CASE("a short head cannot describe much memory") {
  // A shape alone does not allocate: its bytes have to be there.
  check_refused(forge([](auto root) {
                  auto claimed = root.initBody().initStep().initTensors(1)[0];
                  claimed.setType(static_cast<std::uint8_t>(dtype::i64));
                  claimed.initDims(1).set(0, std::int64_t{1} << 40);
                  claimed.initInline(8);
                }),
                "8 bytes were given for a tensor int64[1099511627776]");
  // Lists of structs without fields take no bytes for any number of elements.
  check_refused(forge([](auto root) {
                  auto load = root.initBody().initLoadPart();
                  load.setKind(1);
                  load.setStorage(1);
                  capnp::AnyStruct::Builder graph = load.initGraph();
                  graph.getPointerSection()[2].initAsAnyList(capnp::ElementSize::VOID, 1u << 28);
                }),
                "");
  // However often a record names the same bytes, what decoding takes stays in proportion to the head.
  const incoming_message page{aligned_blob(std::vector<std::byte>(1000)), {}, lane::bulk};
  record_reader reader(page);
  CHECK(reader.charge(limits::decoded_bytes_per_byte_max, 1000));
  CHECK(reader.charge(1, limits::decoded_bytes_base));
  CHECK_FALSE(reader.charge(1, 1));
  CHECK_FALSE(reader.charge(std::size_t{1} << 60, 64));
}

TEST_CASE("graphs of many tiny nodes stay inside the budget of their own head") {
  load_part part;
  for (int i = 0; i < 20'000; ++i) {
    const value_id made = part.model.add_value({std::to_string(i), dtype::f32, true, std::vector<dimension>(3)});
    node step;
    if (i > 0) step.inputs = {made - 1};
    step.outputs = {made};
    step.attributes["a"] = std::int64_t{i};
    step.attributes["b"] = std::vector<std::string>(3);
    part.model.nodes.push_back(std::move(step));
  }
  for (int i = 0; i < 5'000; ++i) part.model.add_constant("c" + std::to_string(i), tensor());
  for (int i = 0; i < 5'000; ++i) part.model.metadata[std::to_string(i)] = "";
  part.model.outputs = {0};
  const auto sent = need(encode({envelope_kind::request, 1, 1, {}, part}));
  const auto got = body_of<load_part>(need(decode(arrive(sent))));
  CHECK(got.model.nodes.size() == 20'000);
  CHECK(got.model.constants.size() == 5'000);

  node_status status;
  status.tree.children.resize(10'000);
  status.devices.resize(10'000);
  CHECK(body_of<node_status>(there_and_back({envelope_kind::response, 1, 1, {}, status})).devices.size() == 10'000);
  step pass;
  pass.tensors.assign(4096, need(tensor::make(dtype::u8, {1})));
  pass.route.resize(256);
  CHECK(body_of<step>(there_and_back({envelope_kind::message, 1, 1, {}, pass})).tensors.size() == 4096);
}

TEST_CASE("what no message takes is refused where it is sent") {
  step pass;
  pass.route.resize(limits::route_hops_max + 1);
  CHECK_FALSE(encode({envelope_kind::message, 0, 1, {}, pass}));
  CHECK_FALSE(encode({envelope_kind::request, 0, 1, {}, connect_peer{std::string(256, 'a')}}));
  load_part part;
  part.model = sample_graph();
  part.model.metadata["huge"] = std::string(limits::head_bytes_max, 'x');
  const auto huge = encode({envelope_kind::request, 0, 1, {}, part});
  REQUIRE_FALSE(huge);
  CHECK(huge.error().code() == errc::invalid_argument);
  node_status deep;
  tree_node* last = &deep.tree;
  for (std::size_t i = 0; i < limits::tree_depth_max; ++i) last = &last->children.emplace_back();
  CHECK_FALSE(encode({envelope_kind::response, 0, 1, {}, deep}));
}

TEST_CASE("heads that are no Cap'n Proto messages are refused") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{9}, std::size_t{8}, std::size_t{800}}) {
    for (const int value : {0x00, 0xff, 0x01}) {
      const std::vector<std::byte> bytes(size, static_cast<std::byte>(value));
      const auto outcome = decode({size == 0 ? blob{} : aligned_blob(bytes), {}, lane::bulk});
      // All zero is an empty envelope, which is refused because its kind demands a record.
      CHECK_FALSE(outcome);
    }
  }
  const auto sent = need(encode({envelope_kind::request, 0, 1, {}, ping{1}}));
  std::vector<std::byte> longer(sent.head.bytes().begin(), sent.head.bytes().end());
  longer.resize(longer.size() + 8);
  check_refused({aligned_blob(longer), {}, lane::bulk}, "holds a shorter message");
}
