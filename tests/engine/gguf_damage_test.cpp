// GGUF files that are cut off, damaged or made to do harm: the answer is a sound file or an error. (tests/fuzz goes
// on.)
#include "support/check.hpp"
#include "support/gguf_mutation.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// The error for what `change` makes of a right file.
template <class Change>
std::string refusal(Change change, errc code = errc::invalid_argument) {
  gguf_builder made = varied_gguf();
  change(made);
  const auto outcome = parse_gguf(made.build().bytes);
  if (outcome) return "no error";
  CHECK(outcome.error().code() == code);
  return outcome.error().to_string();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a GGUF file cut at any structural boundary is refused") {
  const gguf_bytes whole = varied_gguf().build();
  need(parse_gguf(whole.bytes));
  CHECK(whole.boundaries.size() > 150);
  for (const std::size_t size : whole.boundaries) {
    CAPTURE(size);
    CHECK(!parse_gguf({whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(size)}));
  }
}

TEST_CASE("a GGUF file cut at random offsets is refused") {
  const std::uint64_t seed = 0x66cf;
  CAPTURE(seed);
  random_source random(seed);
  const temporary_folder folder;
  const auto whole = varied_gguf().build().bytes;
  for (int i = 0; i < 1000; ++i) {
    const std::size_t size = random.below(whole.size());
    CAPTURE(size);
    REQUIRE(!parse_gguf({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}));
    if (i % 20 != 0) continue;
    const auto path = folder.write("cut.gguf", std::span(whole).first(size));
    REQUIRE(!gguf_file::open(path, gguf_access::mapped));
    REQUIRE(!gguf_file::open(path, gguf_access::loaded));
  }
}

TEST_CASE("a damaged GGUF file gives consistent answers or an error") {
  const std::uint64_t seed = 0x6f0d;
  CAPTURE(seed);
  random_source random(seed);
  const gguf_bytes whole = varied_gguf().build();
  std::size_t read = 0;
  constexpr std::size_t runs = 20'000;
  for (std::size_t i = 0; i < runs; ++i) {
    CAPTURE(i);
    const auto outcome = parse_gguf(mutate(whole, random));
    if (!outcome) continue;
    ++read;
    REQUIRE(is_consistent(*outcome));
  }
  CHECK(read > runs / 100);
  CHECK(read < runs / 2);
}

TEST_CASE("GGUF headers that lie are refused") {
  CHECK(contains(refusal([](gguf_builder& m) { m.magic = 0x12345678; }), "not a GGUF file"));
  CHECK(contains(refusal([](gguf_builder& m) { m.version = 1; }, errc::unsupported), "version 1"));
  CHECK(contains(refusal([](gguf_builder& m) { m.version = 4; }, errc::unsupported), "version 4"));
  CHECK(contains(refusal([](gguf_builder& m) { m.version = 0x03000000; }, errc::unsupported), "big-endian"));
  for (const std::int64_t more :
       {std::int64_t{1000}, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::max() - 9}) {
    CAPTURE(more);
    CHECK(contains(refusal([&](gguf_builder& m) { m.more_keys = more; }), "keys, but has only"));
    CHECK(contains(refusal([&](gguf_builder& m) { m.more_tensors = more; }), "tensors, but has only"));
  }
  CHECK(refusal([](gguf_builder& m) { m.more_keys = 1; }) != "no error");
  CHECK(refusal([](gguf_builder& m) { m.more_tensors = 1; }) != "no error");
  CHECK(!parse_gguf({}));
  CHECK(!gguf_file::open("/nonexistent.gguf"));
  CHECK(!gguf_file::open("/dev/null"));
  const temporary_folder folder;
  CHECK(!gguf_file::open(folder.write("empty.gguf", {})));
}

TEST_CASE("GGUF keys and values that lie are refused") {
  CHECK(contains(refusal([](gguf_builder& m) { m.value("a.u8", true); }), "the key \"a.u8\" is there twice"));
  CHECK(contains(refusal([](gguf_builder& m) { m.value("", true); }), "is empty"));
  CHECK(contains(refusal([](gguf_builder& m) { m.value("tab\t", true); }), "not printable"));
  CHECK(contains(refusal([](gguf_builder& m) { m.value(std::string(5000, 'k'), true); }), "at most 4096"));
  CHECK(contains(refusal([](gguf_builder& m) { m.start("k", static_cast<gguf_type>(13)); }), "the unknown type 13"));
  CHECK(contains(refusal([](gguf_builder& m) { m.start("k", gguf_type::boolean).number(std::uint8_t{2}); }),
                 "neither 0 nor 1"));
  CHECK(contains(refusal([](gguf_builder& m) { m.start_list("k", static_cast<gguf_type>(99), 1); }),
                 "elements of the unknown type 99"));
  for (const std::uint64_t count : {std::uint64_t{1} << 20, std::uint64_t{1} << 61, ~std::uint64_t{0}})
    for (const gguf_type type : {gguf_type::u8, gguf_type::u64, gguf_type::string, gguf_type::array})
      CHECK(contains(refusal([&](gguf_builder& m) { m.start_list("k", type, count); }), "elements of type"));
  CHECK(contains(refusal([](gguf_builder& m) { m.start("k", gguf_type::string).number(~std::uint64_t{0}); }),
                 "the file ends inside a string"));
  // Each level is twelve bytes: without a limit, a small file would use up the stack.
  CHECK(contains(refusal([](gguf_builder& m) {
                   gguf_bytes& out = m.start("k", gguf_type::array);
                   for (int level = 0; level < 100'000; ++level) {
                     out.number(static_cast<std::uint32_t>(gguf_type::array));
                     out.number(std::uint64_t{1});
                   }
                 }),
                 "nested more than 4 deep"));
}

TEST_CASE("GGUF alignments that lie are refused") {
  for (const std::uint32_t alignment : {0u, 1u, 4u, 24u, 8192u, 0x80000000u}) {
    CAPTURE(alignment);
    gguf_builder made;
    made.value("general.alignment", alignment).floats("a", {1}, {1});
    CHECK(!parse_gguf(made.build().bytes));
  }
  gguf_builder made;
  made.value("general.alignment", std::uint64_t{32}).floats("a", {1}, {1});
  CHECK(!parse_gguf(made.build().bytes));
}

TEST_CASE("GGUF tensors that lie are refused") {
  const auto change = [](auto body) {
    return [body](gguf_builder& m) { body(m.tensors[1]); };  // q8[3,64]
  };
  using entry = gguf_builder::tensor_entry;
  CHECK(
      contains(refusal(change([](entry& t) { t.name = "norm.weight"; })), "the tensor \"norm.weight\" is there twice"));
  CHECK(contains(refusal(change([](entry& t) { t.name = ""; })), "has no name"));
  CHECK(contains(refusal(change([](entry& t) { t.name = std::string(65, 'n'); })), "at most 64"));
  CHECK(contains(refusal(change([](entry& t) { t.name = "\xff"; })), "not printable"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {}; })), "the tensor \"q8\": it has 0 dimensions"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {64, 1, 1, 1, 3}; })), "5 dimensions"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {64, 0}; })), "extent 1 is 0"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {48, 4}; })), "not whole blocks of 32"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {64, ~std::uint64_t{0}}; })), "more than"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {64, std::uint64_t{1} << 58}; })), "more than"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {1u << 16, 1u << 16, 1u << 16, 1u << 16}; })), "more than"));
  CHECK(contains(refusal(change([](entry& t) { t.extents = {64, 100}; })), "but the file has"));
  CHECK(contains(refusal(change([](entry& t) { t.offset += 1; })), "no multiple of 32"));
  CHECK(contains(refusal(change([](entry& t) { t.offset = ~std::uint64_t{31}; })), "but the file has"));
  CHECK(contains(refusal(change([](entry& t) { t.offset = 0; })), "overlap"));
  CHECK(contains(refusal(change([](entry& t) { t.type = 77; }), errc::unsupported), "the unknown type 77"));
  CHECK(contains(refusal(change([](entry& t) { t.type = 4; }), errc::unsupported), "Q4_2"));
}

TEST_CASE("parts of a GGUF model that lie are refused") {
  for (const auto& [number, count] : {std::pair{3, 2}, {2, 2}, {0, 1001}, {0, 65535}}) {
    gguf_builder made;
    made.value("split.no", static_cast<std::uint16_t>(number)).value("split.count", static_cast<std::uint16_t>(count));
    CHECK(!parse_gguf(made.build().bytes));
  }
  gguf_builder made;
  made.text("split.count", "3");
  CHECK(!parse_gguf(made.build().bytes));
}
