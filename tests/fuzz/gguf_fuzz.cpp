// GGUF files, and the tokenizer and the graph that are made from them.
#include "counted_memory.hpp"
#include "fuzz_target.hpp"
#include "support/gguf_mutation.hpp"
#include "troupe/engine/language_model.hpp"
#include "troupe/engine/tokenizer.hpp"

namespace troupe::test {
namespace {

/// A file of which nothing but its header and one thing is there.
template <class Fill>
std::vector<std::byte> bare_gguf(std::uint64_t tensors, std::uint64_t keys, Fill fill) {
  gguf_bytes out;
  out.number(std::uint32_t{0x46554747});
  out.number(std::uint32_t{3});
  out.number(tensors);
  out.number(keys);
  fill(out);
  return out.bytes;
}

/// A tensor whose extents are these, of fp32, at this offset.
std::vector<std::byte> one_tensor(const std::vector<std::uint64_t>& extents, std::uint32_t type, std::uint64_t offset) {
  return bare_gguf(1, 0, [&](gguf_bytes& out) {
    out.string("t");
    out.number(static_cast<std::uint32_t>(extents.size()));
    for (const std::uint64_t extent : extents) out.number(extent);
    out.number(type);
    out.number(offset);
    out.pad(32);
    out.bytes.resize(out.bytes.size() + 64);
  });
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  // Beside the varied file one that is nothing but small things, where lists weigh most.
  gguf_builder many = varied_gguf();
  for (int i = 0; i < 400; ++i) many.value("k" + std::to_string(i), std::uint8_t{1});
  many.texts("l.empty", std::vector<std::string>(2000));
  many.alignment = 8;
  many.tensors.clear();
  for (int i = 0; i < 300; ++i) many.floats("t" + std::to_string(i), {1}, {1.0f});

  std::vector<fuzz_seed> seeds;
  for (const auto& [name, file] : {std::pair{"varied", varied_gguf().build()}, {"many", many.build()}})
    seeds.push_back({name, file.bytes, file.boundaries});
  constexpr std::uint64_t huge = std::uint64_t{1} << 62, all = ~std::uint64_t{0};
  const auto nothing = [](gguf_bytes&) {};
  // Counts and lengths that were added or multiplied before they were checked (CVE-2024-21802, -23605, -25664 to
  // -25668, CVE-2025-53630, CVE-2026-27940, CVE-2026-33298 and their kin).
  seeds.push_back({"tensors_without_end", bare_gguf(all, 0, nothing)});
  seeds.push_back({"keys_without_end", bare_gguf(0, all, nothing)});
  seeds.push_back({"name_of_all_bytes", bare_gguf(0, 1, [](gguf_bytes& out) { out.number(~std::uint64_t{0}); })});
  seeds.push_back({"array_of_2_to_62", bare_gguf(0, 1, [&](gguf_bytes& out) {
                     out.string("a");
                     out.number(std::uint32_t{9});
                     out.number(std::uint32_t{12});
                     out.number(huge);
                   })});
  seeds.push_back({"array_of_arrays", bare_gguf(0, 1, [&](gguf_bytes& out) {
                     out.string("a");
                     for (int depth = 0; depth < 1000; ++depth) {
                       out.number(std::uint32_t{9});
                       out.number(std::uint64_t{1});
                     }
                   })});
  seeds.push_back({"type_that_is_none", bare_gguf(0, 1, [&](gguf_bytes& out) {
                     out.string("a");
                     out.number(std::uint32_t{0xffffffff});
                   })});
  seeds.push_back({"product_overflows", one_tensor({huge, 8}, 0, 0)});
  seeds.push_back({"extent_of_zero", one_tensor({0, 4}, 0, 0)});
  seeds.push_back({"extent_is_negative", one_tensor({all, 1}, 0, 0)});
  seeds.push_back({"too_many_extents", one_tensor(std::vector<std::uint64_t>(40, 1), 0, 0)});
  seeds.push_back({"offset_wraps", one_tensor({16}, 0, all - 31)});
  seeds.push_back({"row_is_no_block", one_tensor({33}, 8, 0)});
  seeds.push_back({"padding_overflows", bare_gguf(2, 1, [&](gguf_bytes& out) {
                     out.string("general.alignment");
                     out.number(std::uint32_t{4});
                     out.number(std::uint32_t{0x80000000});
                     for (const char* name : {"a", "b"}) {
                       out.string(name);
                       out.number(std::uint32_t{1});
                       out.number(std::uint64_t{16});
                       out.number(std::uint32_t{0});
                       out.number(all - 63);
                     }
                   })});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  const auto held = std::make_shared<const std::vector<std::byte>>(input.begin(), input.end());
  const std::size_t before = held_bytes();
  forget_peak();
  const auto file = gguf_file::parse(*held, held);
  fuzz_require(peak_bytes() - before <= 2 * input.size() + 4096, "opening a GGUF file takes more than twice its size");
  if (!file) return false;
  fuzz_require(is_consistent(*file), "a GGUF file's answers do not agree");
  static_cast<void>(read_language_model_parameters(*file));
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 16 * input_bytes + 16'384;  // lists as vectors of strings, and the copy made here
}

}  // namespace troupe::test
