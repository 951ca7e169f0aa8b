// The way into a target for LLVM's libFuzzer.
#include <cstdint>

#include "fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(troupe::test::fuzz_once(std::as_bytes(std::span(data, size))));
  return 0;
}
