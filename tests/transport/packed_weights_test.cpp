#include "troupe/transport/packed_weights.hpp"

#include "support/check.hpp"
#include "support/graph_builder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::int64_t chunk_floats = chunk_bytes_max / 4;

/// A sum of constants with these numbers of float32 elements.
graph network_with(const std::vector<std::int64_t>& sizes, std::uint64_t seed = 1) {
  graph made;
  value_id last = made.add_value({"x", dtype::f32, true, std::vector<dimension>{{1, ""}}});
  made.inputs = {last};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const value_id weight = made.add_constant("w" + std::to_string(i), random_tensor(shape{sizes[i]}, seed + i));
    node step;
    step.op = "Add";
    step.version = 13;
    step.inputs = {last, weight};
    last = made.add_value({"y" + std::to_string(i), dtype::f32, false, std::nullopt});
    step.outputs = {last};
    made.nodes.push_back(step);
  }
  made.outputs = {last};
  return made;
}

std::shared_ptr<const packed_weights> pack(graph network) {
  return need(packed_weights::pack(std::make_shared<const graph>(std::move(network))));
}

std::vector<std::size_t> chunk_sizes(const packed_weights& packed) {
  std::vector<std::size_t> sizes;
  for (const weight_chunk& chunk : packed.manifest().chunks) sizes.push_back(chunk.bytes);
  return sizes;
}

/// What `packed` becomes on another machine, its chunks arriving last first.
result<std::shared_ptr<const packed_weights>> moved(const packed_weights& packed) {
  need(validate(packed.skeleton()));
  need(validate(packed.manifest(), packed.skeleton()));
  TROUPE_TRY(auto assembly, weight_assembly::begin(packed.skeleton(), packed.manifest()));
  const auto& chunks = packed.manifest().chunks;
  for (auto each = chunks.rbegin(); each != chunks.rend(); ++each) {
    const tensor bytes = need(packed.find(each->hash).value());
    CHECK(need(hash_of(bytes.bytes())) == each->hash);
    TROUPE_TRY(const std::size_t placed, assembly.put(each->hash, bytes.bytes()));
    CHECK(placed == bytes.byte_size());
  }
  return std::move(assembly).finish();
}

}  // namespace

TEST_CASE("SHA-256 has the values of FIPS 180-4") {
  CHECK(need(hash_of({})).to_hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string abc = "abc";
  CHECK(need(hash_of(std::as_bytes(std::span(abc)))).to_hex() ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("weights that are taken apart and put together are the same to the bit") {
  const std::vector<std::vector<std::int64_t>> cases{{},
                                                     {10},
                                                     {1024, 1025},
                                                     {chunk_floats},
                                                     {chunk_floats - 1, 2000, 3000, chunk_floats + 1, 5000},
                                                     {3 * chunk_floats + 7, 2 * chunk_floats, 1500}};
  for (const auto& sizes : cases) {
    CAPTURE(sizes);
    const auto packed = pack(network_with(sizes));
    const auto there = need(moved(*packed));
    REQUIRE(there->network()->constants.size() == packed->network()->constants.size());
    for (const auto& [id, data] : packed->network()->constants)
      CHECK(bitwise_equal(data, there->network()->constants.at(id)));
    CHECK(there->network()->inputs == packed->network()->inputs);
    CHECK(there->manifest() == packed->manifest());
    for (const weight_chunk& chunk : there->manifest().chunks)
      CHECK(bitwise_equal(need(there->find(chunk.hash).value()), need(packed->find(chunk.hash).value())));
  }
}

TEST_CASE("small constants stay in the graph, a tensor that does not fit begins a chunk, no byte is padding") {
  CHECK(chunk_sizes(*pack(network_with({10, 1024}))).empty());
  CHECK(chunk_sizes(*pack(network_with({1025, 2000}))) == std::vector<std::size_t>{4 * 3025});
  CHECK(chunk_sizes(*pack(network_with({2000, chunk_floats, 1500}))) ==
        std::vector<std::size_t>{8000, chunk_bytes_max, 6000});
  CHECK(chunk_sizes(*pack(network_with({chunk_floats + 1, 1500}))) == std::vector<std::size_t>{chunk_bytes_max, 6004});
}

TEST_CASE("an equal tensor has equal chunks in another graph, and one changed tensor changes only its own") {
  const auto whole = pack(network_with({2 * chunk_floats, 2 * chunk_floats}, 1));
  const auto half = pack(network_with({2 * chunk_floats}, 2));
  REQUIRE(half->manifest().chunks.size() == 2);
  for (const weight_chunk& chunk : half->manifest().chunks) CHECK(whole->find(chunk.hash));
  CHECK_FALSE(half->find(whole->manifest().chunks[0].hash));
}

TEST_CASE("equal chunks of one part are moved once and put everywhere") {
  graph network = network_with({chunk_floats, chunk_floats});
  network.constants.rbegin()->second = network.constants.begin()->second;
  const auto packed = pack(network);
  REQUIRE(packed->manifest().chunks.size() == 2);
  const content_hash only = packed->manifest().chunks[0].hash;
  CHECK(packed->manifest().chunks[1].hash == only);
  auto assembly = need(weight_assembly::begin(packed->skeleton(), packed->manifest()));
  CHECK(need(assembly.put(only, need(packed->find(only).value()).bytes())) == 2 * chunk_bytes_max);
  const auto there = need(std::move(assembly).finish());
  for (const auto& [id, data] : network.constants) CHECK(bitwise_equal(data, there->network()->constants.at(id)));
}

TEST_CASE("a manifest that cannot be right is refused, and says why") {
  const auto packed = pack(network_with({2000, 3000, chunk_floats + 9}));
  struct wrong {
    std::string named;
    std::function<void(weight_manifest&)> change;
  };
  const std::vector<wrong> cases{
      {"0 bytes", [](auto& m) { m.chunks[0].bytes = 0; }},
      {"4194305 bytes", [](auto& m) { m.chunks[1].bytes = chunk_bytes_max + 1; }},
      {"65537 chunks", [](auto& m) { m.chunks.resize(chunks_of_part_max + 1, m.chunks[0]); }},
      {"which is not there", [](auto& m) { m.weights[2].chunk = 3; }},
      {"which is not there", [](auto& m) { m.weights[2].offset = chunk_bytes_max; }},
      {"overlaps", [](auto& m) { m.weights[1].offset -= 1; }},
      {"overlaps",
       [](auto& m) {
         m.weights[1] = {m.weights[1].value, dtype::f32, {3000}, 0, 0};
       }},
      {"more than the chunks", [](auto& m) { m.chunks.pop_back(); }},
      {"more than the chunks", [](auto& m) { m.weights[2].dims = {chunk_floats + 10}; }},
      {"is the value", [](auto& m) { std::swap(m.weights[0].value, m.weights[1].value); }},
      {"names 5 weights", [](auto& m) { m.weights.resize(5, m.weights[0]); }},
      {"unknown element type", [](auto& m) { m.weights[0].type = static_cast<dtype>(200); }},
  };
  for (const wrong& each : cases) {
    weight_manifest changed = packed->manifest();
    each.change(changed);
    const auto outcome = validate(changed, packed->skeleton());
    INFO(each.named);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == errc::invalid_argument);
    CHECK(outcome.error().message().find(each.named) != std::string::npos);
  }
}

TEST_CASE("a chunk of another size than announced is refused, a boolean that is none too") {
  const auto packed = pack(network_with({2000}));
  const content_hash only = packed->manifest().chunks[0].hash;
  auto assembly = need(weight_assembly::begin(packed->skeleton(), packed->manifest()));
  CHECK_FALSE(assembly.put(only, std::vector<std::byte>(7999)));

  graph flags = network_with({2000});
  flags.constants.begin()->second = need(tensor::make(dtype::boolean, shape{5000}));
  const auto booleans = pack(flags);
  auto twos = need(weight_assembly::begin(booleans->skeleton(), booleans->manifest()));
  need(twos.put(booleans->manifest().chunks[0].hash, std::vector<std::byte>(5000, std::byte{2})));
  const auto refused = std::move(twos).finish();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("boolean") != std::string::npos);
}
