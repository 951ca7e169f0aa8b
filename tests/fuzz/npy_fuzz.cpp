// Files of numpy.
#include <cstring>

#include "fuzz_target.hpp"
#include "support/need.hpp"
#include "troupe/engine/npy.hpp"

namespace troupe::test {
namespace {

/// A version 1 file with this header and no data.
std::vector<std::byte> npy_header(std::string header) {
  header.resize((header.size() + 10 + 63) / 64 * 64 - 10, ' ');
  std::string whole("\x93NUMPY\x01\x00", 8);
  whole += static_cast<char>(header.size() & 0xff);
  whole += static_cast<char>(header.size() >> 8);
  return to_bytes(whole + header);
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  std::vector<fuzz_seed> seeds;
  for (const dtype type :
       {dtype::f16, dtype::f32, dtype::f64, dtype::i8, dtype::u8, dtype::i32, dtype::i64, dtype::boolean})
    seeds.push_back({std::string(to_string(type)), format_npy(need(tensor::make(type, {2, 3})))});
  seeds.push_back({"scalar", format_npy(need(tensor::make(dtype::f32, {})))});
  seeds.push_back({"terabytes", npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }")});
  seeds.push_back(
      {"overflow", npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }")});
  seeds.push_back({"negative", npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1), }")});
  seeds.push_back({"object", npy_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")});
  seeds.push_back({"fortran", npy_header("{'descr': '<f4', 'fortran_order': True, 'shape': (0,), }")});
  std::string nested = "{'shape': ";
  nested.append(20'000, '(');
  seeds.push_back({"nested", npy_header(nested)});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  const auto read = parse_npy(input);
  if (!read) return false;
  fuzz_require(read->bytes().size() == static_cast<std::size_t>(read->dims().elements()) * size_of(read->type()),
               "the size of a tensor is not that of its elements");
  const auto again = parse_npy(format_npy(*read));
  fuzz_require(again && again->type() == read->type() && again->dims() == read->dims(),
               "a tensor is read otherwise when it is written and read");
  fuzz_require(std::memcmp(again->bytes().data(), read->bytes().data(), read->bytes().size()) == 0,
               "a tensor's elements change when they are written and read");
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 6 * input_bytes + 16'384;  // read, written and read again
}

}  // namespace troupe::test
