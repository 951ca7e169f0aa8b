// A small network of layers with caches of keys and values, and a session on it, for tests of what models with states
// do when they are cut and when their parts are lost.
#pragma once

#include <cmath>
#include <functional>
#include <numeric>

#include "support/check.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe::test {

/// x [n, 24] goes through `layers` times x + attention(x) and comes out as y. Two sessions of up to 96 positions.
struct cached_network {
  static constexpr std::int64_t width = 24, heads = 2, kv_heads = 1, head_size = 16, sessions = 2, session_pages = 6;
  static constexpr std::int64_t pages = 1 + sessions * session_pages, positions_max = session_pages * 16;

  static graph make(std::size_t layers) {
    graph made;
    const auto input = [&](std::string name, dtype type, std::vector<dimension> dims) {
      made.inputs.push_back(made.add_value({std::move(name), type, true, std::move(dims)}));
      return made.inputs.back();
    };
    const auto step = [&](std::string op, std::string domain, const std::string& name, std::vector<value_id> operands) {
      node added{std::move(op), std::move(domain), name, 1, std::move(operands), {}, {}};
      if (added.domain.empty()) added.version = 13;
      added.outputs = {made.add_value({name, dtype::f32, true, std::nullopt})};
      made.nodes.push_back(std::move(added));
      return made.nodes.back().outputs[0];
    };
    constexpr std::int64_t row = (heads + 2 * kv_heads) * head_size;
    value_id x = input("x", dtype::f32, {{-1, "n"}, {width, ""}});
    const value_id positions = input("positions", dtype::i32, {{-1, "n"}});
    const value_id sequences = input("sequences", dtype::i32, {{-1, "n"}});
    const value_id table = input("pages", dtype::i32, {{sessions, ""}, {session_pages, ""}});
    for (std::size_t layer = 0; layer < layers; ++layer) {
      const std::string number = std::to_string(layer);
      const value_id into = made.add_constant("into." + number, random_tensor({width, row}, 11 + layer, -0.4f, 0.4f));
      const value_id out_of =
          made.add_constant("out_of." + number, random_tensor({heads * head_size, width}, 97 + layer, -0.3f, 0.3f));
      const value_id keys = made.add_state("cache_k." + number, dtype::f32, {pages, kv_heads, 16, head_size});
      const value_id values = made.add_state("cache_v." + number, dtype::f32, {pages, kv_heads, 16, head_size});
      const value_id qkv = step("MatMul", "", "qkv." + number, {x, into});
      const value_id seen = step("CachedAttention", "troupe", "attention." + number,
                                 {qkv, positions, sequences, table, keys, values});
      made.nodes.back().attributes = {{"heads", heads},
                                      {"kv_heads", kv_heads},
                                      {"scale", 0.25f},
                                      {"rotary_size", std::int64_t{0}},
                                      {"rotary_halves", std::int64_t{1}},
                                      {"window", std::int64_t{0}},
                                      {"softcap", 0.0f},
                                      {"norm_epsilon", 1e-5f}};
      x = step("Add", "", "x." + number, {step("MatMul", "", "back." + number, {seen, out_of}), x});
    }
    made.outputs = {x};
    need(validate(made));
    return made;
  }

  /// Rows [first, first + count) of a session as inputs of a run.
  static std::vector<tensor> inputs(std::int32_t session, std::int64_t first, std::int64_t count) {
    const tensor all = random_tensor({positions_max, width}, 1000 + static_cast<std::uint64_t>(session), -1.5f, 1.5f);
    std::vector<std::int32_t> positions(static_cast<std::size_t>(count)), table;
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
    for (std::int32_t page = 0; page < sessions * session_pages; ++page)
      table.push_back(1 + (page * 5) % static_cast<std::int32_t>(sessions * session_pages));  // any order will do
    return {need(all.rows(first, count)), need(tensor::from<std::int32_t>({count}, positions)),
            need(tensor::from<std::int32_t>(
                {count}, std::vector<std::int32_t>(static_cast<std::size_t>(count), session))),
            need(tensor::from<std::int32_t>({sessions, session_pages}, table))};
  }

  /// What a session gets from one program that holds the whole network and is never lost: [positions, width].
  static tensor undisturbed(std::size_t layers, std::int32_t session, std::int64_t positions,
                            const std::string& device = {}) {
    const auto operators = std::make_shared<const operator_table>(builtin_operators());
    graph network = make(layers);
    need(optimize(network, *operators));
    const auto opened = need(open_device(device, operators));
    const auto loaded = need(opened->load(std::make_shared<const graph>(std::move(network))));
    std::vector<tensor> rows;
    for (std::int64_t done = 0, count = 7; done < positions; done += count, count = 1) {
      count = std::min(count, positions - done);
      rows.push_back(
          need(loaded->run(inputs(session, done, count), steady_clock::now() + std::chrono::seconds(60))).at(0));
    }
    return need(concat_rows(rows));
  }
};

}  // namespace troupe::test
