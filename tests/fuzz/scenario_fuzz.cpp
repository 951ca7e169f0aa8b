// Fault plans as text.
#include "fuzz_target.hpp"
#include "support/need.hpp"
#include "troupe/chaos/draw.hpp"
#include "troupe/chaos/scenario.hpp"

namespace troupe::test {

std::vector<fuzz_seed> fuzz_seeds() {
  std::vector<fuzz_seed> seeds;
  std::string every = "seed 42\nmodel a.gguf # a comment\nnodes 4\nmode data\nrequests 2\ntokens 64\ndeadline 60s\n";
  for (const chaos::fault_kind_info& info : chaos::fault_catalogue()) {
    chaos::fault one;
    one.kind = info.kind;
    one.lasting = info.lasts ? chaos::microseconds(3000) : chaos::microseconds(0);
    one.parameter = info.parameter_usual;
    every += chaos::to_string(one) + "\n";
  }
  seeds.push_back({"every_kind", to_bytes(every)});
  seeds.push_back(
      {"few", to_bytes("nodes 2\nat 120ms node 1 P2.freeze for 3s\nat token 17 node 1 P1.kill for 500ms\n"
                       "at token 20 plus 300us node 0 N6.delay with ms=20 for 2s\nat 1s cluster C1.cancel\n")});
  seeds.push_back(
      {"numbers", to_bytes("seed 18446744073709551616\nnodes -1\nat 99999999999999999999s node 1 P1.kill\n")});
  seeds.push_back({"long_line", to_bytes(std::string(5000, 'x'))});
  seeds.push_back({"many_lines", to_bytes([] {
                     std::string text;
                     for (int i = 0; i < 5000; ++i) text += "at 1s node 0 P1.kill for 1s\n";
                     return text;
                   }())});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  const auto plan = chaos::parse_scenario({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!plan) return false;
  fuzz_require(chaos::validate(*plan).has_value(), "a plan that was read is not valid");
  const auto again = chaos::parse_scenario(chaos::print_scenario(*plan));
  fuzz_require(again && *again == *plan, "a plan is another one when it is printed and read");
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 64 * input_bytes + 131'072;
}

}  // namespace troupe::test
