// Networks with states when they are cut: each part keeps its own states, and what it computes has the bits of the
// whole. Also: no weight is copied on the way from a caller's graph to a program.
#include <sys/mman.h>

#include <algorithm>

#include "support/cached_network.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/partition.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::vector<graph> parts_of(std::size_t layers, std::size_t stages) {
  graph network = cached_network::make(layers);
  need(optimize(network, builtin_operators()));
  return need(cut_pipeline(network, stages, builtin_operators()));
}

const value_info* input_named(const graph& part, const std::string& name) {
  const auto index = part.input_index(name);
  return index ? &part.values[part.inputs[*index]] : nullptr;
}

}  // namespace

TEST_CASE("each part of a stack of cached layers keeps the states of its own layers") {
  for (const std::size_t stages : {2, 3, 4}) {
    INFO(stages << " stages");
    const auto parts = parts_of(6, stages);
    std::vector<std::string> names;
    std::size_t most = 0, least = 100;
    for (const graph& part : parts) {
      for (const value_id id : part.states) names.push_back(part.values[id].name);
      most = std::max(most, part.states.size());
      least = std::min(least, part.states.size());
      for (const char* name : {"positions", "sequences", "pages"}) {
        const value_info* crossing = input_named(part, name);
        REQUIRE(crossing);
        CHECK(crossing->type == dtype::i32);
      }
    }
    std::sort(names.begin(), names.end());
    CHECK(names.size() == 12);  // each state in one part only
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    CHECK(most - least <= 4);  // layers are spread about evenly: two states a layer
  }
}

TEST_CASE("what crosses a cut between cached layers is the residual stream and where its rows belong") {
  const auto parts = parts_of(6, 3);
  for (std::size_t k = 1; k < parts.size(); ++k) {
    std::vector<std::string> others;
    for (const value_id id : parts[k].inputs) {
      const std::string& name = parts[k].values[id].name;
      if (name != "positions" && name != "sequences" && name != "pages") others.push_back(name);
    }
    INFO("part " << k);
    CHECK(others.size() == 1);
  }
}

TEST_CASE("programs of the parts together give the bits of the whole, step after step") {
  const auto operators = std::make_shared<const operator_table>(builtin_operators());
  for (const std::string device : {"", "reference"}) {
    const auto opened = need(open_device(device, operators));
    const dtype storage = device.empty() ? dtype::f16 : dtype::f32;
    const tensor want = cached_network::undisturbed(4, 1, 25, device);
    for (const std::size_t stages : {2, 3}) {
      INFO(stages << " stages on \"" << device << "\"");
      graph network = cached_network::make(4);
      need(optimize(network, *operators));
      std::vector<std::unique_ptr<program>> programs;
      for (graph& part : need(cut_pipeline(network, stages, *operators, storage)))
        programs.push_back(need(opened->load(std::make_shared<const graph>(std::move(part)), {.storage = storage})));
      for (std::int64_t done = 0, count = 11; done < 25; done += count, count = 2) {
        std::vector<tensor> values = cached_network::inputs(1, done, count);
        for (const auto& loaded : programs)
          values = need(loaded->run(values, steady_clock::now() + std::chrono::seconds(60)));
        CHECK(bitwise_equal(values.at(0), need(want.rows(done, count))));
      }
    }
  }
}

TEST_CASE("weights that share a file are neither read nor copied until a node needs them") {
  // 256 MiB that nobody may read: whoever copies them on the way to the program ends this test.
  constexpr std::int64_t rows = 1 << 16, bytes = 4096;
  void* const memory = ::mmap(nullptr, rows * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  const std::shared_ptr<const std::byte> file(
      static_cast<const std::byte*>(memory), [](const std::byte* p) { ::munmap(const_cast<std::byte*>(p), rows * bytes); });
  const auto operators = std::make_shared<const operator_table>(builtin_operators());

  graph network;
  const value_id ids = network.add_value({"ids", dtype::i64, true, {{{-1, "n"}}}});
  network.inputs = {ids};
  const value_id table = network.add_constant(
      "table", need(tensor::from_shared(dtype::u8, {rows, bytes}, file, static_cast<std::size_t>(rows * bytes))));
  const value_id mask = network.add_constant("mask", need(tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{5})));
  const auto step = [&](const char* op, const char* name, std::vector<value_id> operands) {
    node added{op, "", name, 13, std::move(operands), {}, {}};
    added.outputs = {network.add_value({name, dtype::f32, false, std::nullopt})};
    network.nodes.push_back(std::move(added));
    return network.nodes.back().outputs[0];
  };
  network.outputs = {step("Gather", "rows", {table, step("Add", "shifted", {ids, mask})})};
  need(validate(network));

  graph copy = network;
  need(fold_constants(copy, *operators));
  need(optimize(copy, *operators));
  auto parts = need(cut_pipeline(copy, 2, *operators));
  std::size_t found = 0;
  for (const graph& part : parts)
    for (const auto& [id, data] : part.constants)
      if (data.byte_size() == static_cast<std::size_t>(rows * bytes)) {
        ++found;
        CHECK(data.storage() == file);
      }
  CHECK(found == 1);

  for (const char* device : {"reference", ""}) {
    const auto opened = need(open_device(device, operators));
    std::vector<std::unique_ptr<program>> programs;
    for (const graph& part : parts) programs.push_back(need(opened->load(std::make_shared<const graph>(part))));
    if (*device) continue;
    // Now the weights may be read, and they are found where they are.
    REQUIRE(::mprotect(memory, rows * bytes, PROT_READ | PROT_WRITE) == 0);
    static_cast<unsigned char*>(memory)[7 * bytes + 3] = 42;
    std::vector<tensor> values{need(tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{2}))};
    for (const auto& loaded : programs)
      values = need(loaded->run(values, steady_clock::now() + std::chrono::seconds(60)));
    REQUIRE(values.at(0).dims() == shape{1, bytes});
    CHECK(values[0].bytes()[3] == std::byte{42});
  }
}
