// The bytes of every released record. A change that moves one of them breaks talking to older nodes.
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "forge.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

std::string path_of(const std::string& name) {
  return std::string(TROUPE_SOURCE_DIR) + "/tests/golden/" + name + ".bin";
}

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// The reverse of `flatten`.
incoming_message parse(const std::vector<std::byte>& bytes) {
  std::size_t offset = 0;
  const auto number = [&] {
    std::uint64_t value = 0;
    REQUIRE(offset + 8 <= bytes.size());
    std::memcpy(&value, bytes.data() + offset, 8);
    offset += 8;
    return static_cast<std::size_t>(value);
  };
  std::vector<std::size_t> sizes{number()};
  for (std::size_t i = number(); i > 0; --i) sizes.push_back(0);
  for (std::size_t i = 1; i < sizes.size(); ++i) sizes[i] = number();
  incoming_message message;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    REQUIRE(offset + sizes[i] <= bytes.size());
    const blob part = aligned_blob(std::span(bytes).subspan(offset, sizes[i]));
    offset += sizes[i];
    if (i == 0) {
      message.head = part;
    } else {
      message.attachments.push_back(part);
    }
  }
  return message;
}

}  // namespace

TEST_CASE("every record has its released bytes, and they are still read and written") {
  const bool update = std::getenv("TROUPE_UPDATE_GOLDEN") != nullptr;
  for (const auto& [name, letter] : sample_letters()) {
    const auto encoded = flatten(need(encode(letter)));
    if (update) {
      std::ofstream(path_of(name), std::ios::binary)
          .write(reinterpret_cast<const char*>(encoded.data()), static_cast<std::streamsize>(encoded.size()));
      continue;
    }
    const auto released = read_file(path_of(name));
    INFO("tests/golden/" << name << ".bin. A new record needs its file: run this test once with TROUPE_UPDATE_GOLDEN=1 "
                         << "and commit it. If a released record changed, take the change back: add fields with new "
                         << "numbers at the end, and give the sample the new field only in a new golden file.");
    REQUIRE_FALSE(released.empty());
    const auto decoded = decode(parse(released));
    REQUIRE(decoded);
    CHECK(flatten(need(encode(*decoded))) == released);
    CHECK(encoded == released);
  }
}

TEST_CASE("records are read as they were before fields were added to them") {
  std::size_t read = 0;
  for (const auto& [name, letter] : sample_letters())
    for (const auto& file :
         std::filesystem::directory_iterator(std::string(TROUPE_SOURCE_DIR) + "/tests/golden/earlier")) {
      const std::string earlier = file.path().filename().string();
      if (earlier.substr(0, earlier.find('.')) != name) continue;
      INFO(earlier);
      CHECK(flatten(need(encode(need(decode(parse(read_file(file.path()))))))) == flatten(need(encode(letter))));
      ++read;
    }
  CHECK(read >= 1);
}
