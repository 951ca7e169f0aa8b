// A network with one large weight in memory that nobody may read at first: whoever copies it on the way to a program
// ends the test. Stands for a weight file that is mapped into memory.
#pragma once

#include <sys/mman.h>

#include "support/check.hpp"
#include "troupe/engine/graph.hpp"

namespace troupe::test {

/// Gives row `ids` + 5 of a table of bytes.
struct protected_weights {
  static constexpr std::int64_t rows = 1 << 16, row_bytes = 4096;
  static constexpr std::size_t bytes = static_cast<std::size_t>(rows * row_bytes);

  std::shared_ptr<const std::byte> file;
  graph network;

  static protected_weights make() {
    void* const memory = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    protected_weights made;
    made.file = {static_cast<const std::byte*>(memory),
                 [](const std::byte* begin) { ::munmap(const_cast<std::byte*>(begin), bytes); }};
    graph& network = made.network;
    network.inputs = {network.add_value({"ids", dtype::i64, true, {{{-1, "n"}}}})};
    const value_id table =
        network.add_constant("table", need(tensor::from_shared(dtype::u8, {rows, row_bytes}, made.file, bytes)));
    const value_id five =
        network.add_constant("five", need(tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{5})));
    const auto step = [&](const char* op, const char* name, std::vector<value_id> operands) {
      node added{op, "", name, 13, std::move(operands), {}, {}};
      added.outputs = {network.add_value({name, dtype::f32, false, std::nullopt})};
      network.nodes.push_back(std::move(added));
      return network.nodes.back().outputs[0];
    };
    network.outputs = {step("Gather", "rows", {table, step("Add", "shifted", {network.inputs[0], five})})};
    need(validate(network));
    return made;
  }

  /// From here on reading is allowed; row 7 begins with 42.
  void unlock() const {
    auto* const begin = const_cast<std::byte*>(file.get());
    REQUIRE(::mprotect(begin, bytes, PROT_READ | PROT_WRITE) == 0);
    begin[7 * row_bytes] = std::byte{42};
  }
  static std::vector<tensor> row_7() { return {need(tensor::from<std::int64_t>({1}, std::vector<std::int64_t>{2}))}; }
};

}  // namespace troupe::test
