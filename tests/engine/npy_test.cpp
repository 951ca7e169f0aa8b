#include "troupe/engine/npy.hpp"

#include <sys/stat.h>

#include <cstring>
#include <fstream>

#include "support/check.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::vector<std::byte> npy(const std::string& header, std::size_t data_bytes, unsigned version = 1) {
  std::string text = "\x93NUMPY";
  text += {static_cast<char>(version), '\0'};
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  for (std::size_t i = 0; i < length_bytes; ++i) text += static_cast<char>(header.size() >> (8 * i));
  text += header + std::string(data_bytes, '\x01');
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::string refusal(const std::vector<std::byte>& bytes) {
  const auto parsed = parse_npy(bytes);
  REQUIRE(!parsed);
  return parsed.error().message();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

tensor filled(dtype type, const shape& dims) {
  tensor made = need(tensor::make(type, dims));
  random_source random(7);
  for (std::byte& byte : made.mutable_bytes())
    byte = std::byte(type == dtype::boolean ? random.below(2) : random.below(256));
  return made;
}

}  // namespace

TEST_CASE("every type and rank survives the way to .npy and back") {
  const temporary_folder folder;
  for (const dtype type : {dtype::f16, dtype::f32, dtype::f64, dtype::i8, dtype::u8, dtype::i32, dtype::i64,
                           dtype::boolean, dtype::i16, dtype::u16, dtype::u32, dtype::u64}) {
    for (const shape& dims : {shape{}, shape{0}, shape{1}, shape{7}, shape{2, 3}, shape{2, 0, 3}, shape{1, 2, 3, 4},
                              shape{1, 1, 2, 1, 1, 3, 1, 2}}) {
      const tensor written = filled(type, dims);
      CAPTURE(written.describe());
      const auto file = folder.path() / "x.npy";
      need(write_npy(file, written));
      CHECK(bitwise_equal(need(read_npy(file)), written));
      CHECK((format_npy(written).size() - written.byte_size()) % 64 == 0);
    }
  }
}

TEST_CASE("writing leaves nothing but the file") {
  const temporary_folder folder;
  const tensor data = filled(dtype::f32, {3});
  need(write_npy(folder.path() / "x.npy", data));
  need(write_npy(folder.path() / "x.npy", data));
  CHECK(!write_npy(folder.path() / "missing" / "x.npy", data));
  std::filesystem::create_directory(folder.path() / "taken.npy");
  CHECK(!write_npy(folder.path() / "taken.npy", data));
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++entries;
  CHECK(entries == 2);
}

TEST_CASE("headers of all three versions are read, with the spacing of other writers") {
  const std::string plain = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }      \n";
  const std::string dense = "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<i4\"}";
  for (const unsigned version : {1u, 2u, 3u})
    for (const std::string& header : {plain, dense}) {
      const tensor parsed = need(parse_npy(npy(header, 24, version)));
      CHECK(parsed.describe() == "int32[2,3]");
      CHECK(parsed.as<std::int32_t>()[5] == 0x01010101);
    }
}

TEST_CASE("what the format allows but Troupe does not read is refused by name") {
  const auto header = [](const std::string& descr, const std::string& order, const std::string& dims) {
    return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + dims + ", }\n";
  };
  CHECK(contains(refusal(npy(header("'>f4'", "False", "(2,)"), 8)), "big endian"));
  CHECK(contains(refusal(npy(header("'<u3'", "False", "(2,)"), 4)), "'<u3'"));
  CHECK(contains(refusal(npy(header("'<c8'", "False", "(2,)"), 16)), "'<c8'"));
  CHECK(contains(refusal(npy(header("'O'", "False", "(2,)"), 16)), "'O'"));
  CHECK(contains(refusal(npy(header("[('a', '<f4')]", "False", "(2,)"), 8)), "records"));
  CHECK(contains(refusal(npy(header("'<f4'", "True", "(2, 3)"), 24)), "Fortran"));
  CHECK(contains(refusal(npy(header("'<f4'", "False", "(1,1,1,1,1,1,1,1,1)"), 4)), "rank 9"));
  CHECK(contains(refusal(npy(header("'<f4'", "False", "(2,)"), 8, 4)), "version 4"));
  // One axis longer than 1 has only one order; a single byte has no endianness.
  CHECK(need(parse_npy(npy(header("'<f4'", "True", "(1, 3)"), 12))).dims() == shape{1, 3});
  CHECK(need(parse_npy(npy(header("'>u1'", "False", "(3,)"), 3))).type() == dtype::u8);
}

TEST_CASE("extents that lie about the data are refused before anything is allocated") {
  const auto header = [](const std::string& dims) {
    return "{'descr': '<f4', 'fortran_order': False, 'shape': " + dims + "}\n";
  };
  CHECK(contains(refusal(npy(header("(3,)"), 8)), "8 bytes of data"));
  CHECK(contains(refusal(npy(header("(1,)"), 8)), "8 bytes of data"));
  CHECK(contains(refusal(npy(header("(1099511627776,)"), 8)), "8 bytes of data"));
  refusal(npy(header("(4294967296, 4294967296)"), 8));
  refusal(npy(header("(-1,)"), 8));
  refusal(npy(header("(99999999999999999999999,)"), 8));
}

TEST_CASE("a file that is cut off anywhere is refused") {
  const auto whole = format_npy(filled(dtype::f32, {3, 5}));
  for (std::size_t size = 0; size < whole.size(); ++size)
    refusal(std::vector<std::byte>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
}

TEST_CASE("damaged files give a tensor or an error, never a crash") {
  const std::uint64_t seed = 20240611;
  CAPTURE(seed);
  random_source random(seed);
  const auto whole = format_npy(filled(dtype::f32, {3, 5}));
  for (int round = 0; round < 5000; ++round) {
    auto damaged = whole;
    for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips)
      damaged[random.below(damaged.size())] = std::byte(random.below(256));
    if (const auto parsed = parse_npy(damaged)) REQUIRE(parsed->byte_size() <= whole.size());
  }
}

TEST_CASE("the error names the file") {
  const temporary_folder folder;
  const auto missing = read_npy(folder.path() / "missing.npy");
  REQUIRE(!missing);
  CHECK(contains(missing.error().to_string(), "missing.npy"));
  const auto text = folder.write("text.npy", std::as_bytes(std::span("hello, this is no array")));
  const auto refused = read_npy(text);
  REQUIRE(!refused);
  CHECK(contains(refused.error().to_string(), "text.npy"));
  CHECK(!read_npy(folder.path()));
}

TEST_CASE("opening a FIFO does not wait for a writer") {
  const temporary_folder folder;
  const auto fifo = folder.path() / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(!read_npy(fifo));
}
