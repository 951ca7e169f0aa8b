// GGUF files as they should be: every kind of value and tensor, models in several files, memory that is shared.
#include "support/check.hpp"
#include "support/gguf_builder.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

template <class T>
std::string message(const result<T>& outcome) {
  return outcome ? "no error" : outcome.error().to_string();
}

}  // namespace

TEST_CASE("values of GGUF metadata have their types") {
  const gguf_file file = need(parse_gguf(varied_gguf().build().bytes));
  CHECK(file.version() == 3);
  CHECK(need(file.text("general.architecture")) == "llama");
  CHECK(need(file.integer("a.u8")) == 200);
  CHECK(need(file.integer("a.i8")) == -3);
  CHECK(need(file.integer("a.u16")) == 60000);
  CHECK(need(file.integer("a.i16")) == -300);
  CHECK(need(file.integer("a.u32")) == 4000000000);
  CHECK(need(file.integer("a.i32")) == -70000);
  CHECK(need(file.integer("a.u64")) == std::int64_t{1} << 40);
  CHECK(need(file.integer("a.i64")) == -(std::int64_t{1} << 40));
  CHECK(need(file.number("a.f32")) == 0.5);
  CHECK(need(file.number("a.f64")) == 0.25);
  CHECK(need(file.number("a.i8")) == -3);
  CHECK(need(file.boolean("a.true")));
  CHECK(need(file.texts("l.texts")) == std::vector<std::string_view>{"<s>", "", "\xf0\x9f\x98\x80", "word"});
  CHECK(need(file.integers("l.i32")) == std::vector<std::int64_t>{3, -1, 7});
  CHECK(need(file.integers("l.bool")) == std::vector<std::int64_t>{1, 0, 1});
  CHECK(need(file.integers("l.u64")) == std::vector<std::int64_t>{9});
  CHECK(need(file.integers("l.none")).empty());
  CHECK(need(file.numbers("l.f32")) == std::vector<float>{0.5f, -2.0f});
  CHECK(need(file.numbers("l.i32")) == std::vector<float>{3, -1, 7});
  CHECK(need(file.integer_or("absent", 5)) == 5);
  CHECK(need(file.number_or("a.f64", 5)) == 0.25);
  CHECK(need(file.text_or("absent", "x")) == "x");
  CHECK(need(file.boolean_or("a.true", false)));
}

TEST_CASE("a GGUF value that is absent or of another type is named") {
  const gguf_file file = need(parse_gguf(varied_gguf().build().bytes));
  CHECK(message(file.integer("absent")) == "the file has no key \"absent\"");
  CHECK(message(file.integer("a.f32")) == "the value of \"a.f32\" is of type float32; an integer is expected");
  CHECK(message(file.text("l.i32")) == "the value of \"l.i32\" is of type an array of int32; a string is expected");
  CHECK(!file.number("general.architecture"));
  CHECK(!file.boolean("a.u8"));
  CHECK(!file.texts("l.i32"));
  CHECK(!file.integers("l.texts"));
  CHECK(!file.integers("l.f32"));
  CHECK(!file.numbers("l.nested"));
  CHECK(!file.integers("a.u8"));
  CHECK(!file.integer_or("a.f32", 1));

  gguf_builder large;
  large.value("huge", std::uint64_t{1} << 63).value("not", std::numeric_limits<float>::quiet_NaN());
  large.list<std::uint8_t>("narrow", std::vector<std::uint8_t>(70000));
  const gguf_file odd = need(parse_gguf(large.build().bytes));
  CHECK(contains(message(odd.integer("huge")), "too large"));
  CHECK(contains(message(odd.number("not")), "not finite"));
  CHECK(contains(message(odd.integers("narrow")), "at most 65536"));
}

TEST_CASE("GGUF keys are listed in order and described") {
  const gguf_file file = need(parse_gguf(varied_gguf().build().bytes));
  REQUIRE(file.keys() == 20);
  for (std::size_t i = 1; i < file.keys(); ++i) CHECK(file.entry(i - 1).key < file.entry(i).key);
  CHECK(file.find("a.i8")->describe() == "-3");
  CHECK(file.find("a.true")->describe() == "true");
  CHECK(file.find("general.architecture")->describe() == "\"llama\"");
  CHECK(file.find("l.texts")->describe() == "string[4]");
  CHECK(file.find("l.nested")->describe() == "array[2]");
}

TEST_CASE("tensors of a GGUF file are row-major views of its bytes") {
  const gguf_file file = need(parse_gguf(varied_gguf().build().bytes));
  REQUIRE(file.tensors().size() == 5);
  const gguf_tensor* const q8 = file.find_tensor("q8");
  REQUIRE(q8);
  CHECK(q8->describe() == "Q8_0[3,64]");
  CHECK(q8->rows() == 3);
  CHECK(q8->columns() == 64);
  CHECK(q8->format() == block_format::q8_0);
  const tensor matrix = need(file.matrix(*q8));
  CHECK(matrix.describe() == "uint8[3,68]");
  CHECK(matrix.bytes().data() == q8->bytes.data());
  const auto expected = patterned_bytes(3 * 68);
  CHECK(std::equal(expected.begin(), expected.end(), matrix.bytes().begin()));

  const gguf_tensor* const half = file.find_tensor("half");
  REQUIRE(half);
  CHECK(half->rank == 3);
  CHECK(half->rows() == 6);
  CHECK(need(file.matrix(*half)).describe() == "uint8[6,10]");
  CHECK(need(file.floats(*half)).describe() == "float32[2,3,5]");

  const tensor norm = need(file.floats(*file.find_tensor("norm.weight")));
  CHECK(norm.describe() == "float32[4]");
  CHECK(std::vector<float>(norm.as<float>().begin(), norm.as<float>().end()) ==
        std::vector<float>{1.0f, -2.5f, 0.0f, 1024.0f});
  CHECK(file.find_tensor("absent") == nullptr);
}

TEST_CASE("a GGUF tensor of a type that cannot run is shown and refused by name") {
  const gguf_file file = need(parse_gguf(varied_gguf().build().bytes));
  const gguf_tensor* const weights = file.find_tensor("iq");
  REQUIRE(weights);
  CHECK(weights->type_name() == "IQ2_XXS");
  CHECK(!weights->format());
  const auto refused = file.matrix(*weights);
  REQUIRE(!refused);
  CHECK(refused.error().code() == errc::unsupported);
  CHECK(contains(refused.error().message(), "IQ2_XXS"));
  CHECK(!file.floats(*weights));
}

TEST_CASE("a tensor keeps the GGUF file that it came from, and is not written through") {
  const temporary_folder folder;
  const auto path = folder.write("model.gguf", varied_gguf().build().bytes);
  for (const gguf_access access : {gguf_access::mapped, gguf_access::loaded}) {
    std::optional<gguf_file> file = need(gguf_file::open(path, access));
    tensor kept = need(file->matrix(*file->find_tensor("q8")));
    file.reset();
    const auto expected = patterned_bytes(3 * 68);
    CHECK(std::equal(expected.begin(), expected.end(), kept.bytes().begin()));
    kept.mutable_bytes()[0] = std::byte{0};  // would end the process if it were the mapped file
    CHECK(need(gguf_file::open(path)).find_tensor("q8")->bytes[0] == expected[0]);
  }
}

TEST_CASE("version 2 and other alignments of GGUF are read") {
  gguf_builder made;
  made.version = 2;
  made.alignment = 64;
  made.value("general.alignment", std::uint32_t{64}).floats("a", {2}, {1, 2}).floats("b", {1}, {3});
  const gguf_file file = need(parse_gguf(made.build().bytes));
  CHECK(file.version() == 2);
  CHECK(need(file.floats(*file.find_tensor("b"))).as<float>()[0] == 3);
  CHECK(file.find_tensor("b")->bytes.data() - file.find_tensor("a")->bytes.data() == 64);

  gguf_builder nothing;
  nothing.text("general.architecture", "vocabulary");
  CHECK(need(parse_gguf(nothing.build().bytes)).tensors().empty());
}

namespace {

/// Part `number` of `count`, with one tensor named after it.
gguf_builder part(std::uint16_t number, std::uint16_t count, std::string tensor) {
  gguf_builder made;
  made.value("split.no", number).value("split.count", count).value("split.tensors.count", std::int32_t{count});
  made.floats(std::move(tensor), {1}, {static_cast<float>(number)});
  return made;
}

std::filesystem::path part_name(int number, int count) {
  return "m-0000" + std::to_string(number) + "-of-0000" + std::to_string(count) + ".gguf";
}

}  // namespace

TEST_CASE("a GGUF model in several files is one model") {
  const temporary_folder folder;
  for (std::uint16_t i = 0; i < 3; ++i)
    folder.write(part_name(i + 1, 3), part(i, 3, "t" + std::to_string(i)).build().bytes);
  const auto first = folder.path() / part_name(1, 3);
  {
    const gguf_file file = need(gguf_file::open(first));
    CHECK(file.parts() == 3);
    REQUIRE(file.tensors().size() == 3);
    for (int i = 0; i < 3; ++i)
      CHECK(need(file.floats(*file.find_tensor("t" + std::to_string(i)))).as<float>()[0] == static_cast<float>(i));
  }
  CHECK(contains(message(gguf_file::open(folder.path() / part_name(2, 3))),
                 "open the first, whose name ends in "
                 "-00001-of-00003.gguf"));
  CHECK(contains(message(parse_gguf(part(0, 3, "t0").build().bytes)), "only whole models"));

  folder.write("other.gguf", part(0, 3, "t0").build().bytes);
  CHECK(contains(message(gguf_file::open(folder.path() / "other.gguf")), "does not end in -00001-of-00003.gguf"));

  folder.write(part_name(3, 3), part(1, 3, "t2").build().bytes);
  CHECK(contains(message(gguf_file::open(first)), "it calls itself part 2 of 3"));

  folder.write(part_name(3, 3), part(2, 3, "t1").build().bytes);
  CHECK(contains(message(gguf_file::open(first)), "the tensor \"t1\" is there twice"));

  gguf_builder more = part(2, 3, "t2");
  more.floats("extra", {1}, {0});
  folder.write(part_name(3, 3), more.build().bytes);
  CHECK(contains(message(gguf_file::open(first)), "has 3 tensors by its metadata, but 4"));

  const auto last = part(2, 3, "t2").build().bytes;
  folder.write(part_name(3, 3), std::span(last).first(last.size() - 1));
  CHECK(contains(message(gguf_file::open(first)), "part 3 of 3: the tensor \"t2\" has 4 bytes"));

  std::filesystem::remove(folder.path() / part_name(3, 3));
  CHECK(contains(message(gguf_file::open(first)), "m-00003-of-00003.gguf"));
}
