// What a fuzzed reader is to the programs that drive it: ours (fuzz_driver.cpp), which counts every allocation, and
// LLVM's libFuzzer (`cmake --preset fuzz`), which looks for new paths. A target is one source that defines the three
// functions.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace troupe::test {

/// An input to begin with.
struct fuzz_seed {
  std::string name;
  std::vector<std::byte> bytes;
  std::vector<std::size_t> boundaries{};  ///< where numbers are; may be empty
};

/// Right inputs, so that changes reach every part of the reader, and inputs of the kind that harmed other readers of
/// the same format, made anew from what was reported of them.
std::vector<fuzz_seed> fuzz_seeds();

/// Reads `input` and checks whatever must hold of what came out. True when it was accepted.
bool fuzz_once(std::span<const std::byte> input);

/// Bytes that reading an input of `input_bytes` may take at a time.
std::size_t fuzz_allowance(std::size_t input_bytes);

/// Ends the program when something that must hold does not: for a fuzzer that is the same as a crash.
inline void fuzz_require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "contradiction: %s\n", what);
  std::abort();
}

inline std::vector<std::byte> to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace troupe::test
