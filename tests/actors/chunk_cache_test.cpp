#include "chunk_cache.hpp"

#include <fstream>

#include "support/check.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;
namespace files = std::filesystem;

namespace {

struct sample_chunk {
  tensor data;
  content_hash hash;
};

sample_chunk sample(std::int64_t floats, std::uint64_t seed) {
  const tensor data = random_tensor(shape{floats}, seed);
  return {data, need(hash_of(data.bytes()))};
}

files::path file_of(const files::path& root, const sample_chunk& chunk) {
  const std::string name = chunk.hash.to_hex();
  return root / name.substr(0, 2) / name.substr(2);
}

bool holds(chunk_cache& cache, const sample_chunk& chunk) {
  const auto found = cache.read(chunk.hash);
  if (!found) return false;
  const auto want = chunk.data.bytes(), got = found->bytes();
  CHECK(std::equal(want.begin(), want.end(), got.begin(), got.end()));
  return true;
}

void make_old(const files::path& file, std::chrono::hours age) {
  files::last_write_time(file, files::file_time_type::clock::now() - age);
}

}  // namespace

TEST_CASE("what was kept is found again, also by another process, and what was not is not") {
  const temporary_folder folder;
  const auto kept = sample(5000, 1), other = sample(5000, 2);
  chunk_cache cache(folder.path() / "weights", 1 << 20);
  CHECK_FALSE(cache.read(kept.hash));
  cache.write(kept.hash, kept.data.bytes());
  CHECK(holds(cache, kept));
  CHECK_FALSE(cache.read(other.hash));
  chunk_cache later(folder.path() / "weights", 1 << 20);
  CHECK(holds(later, kept));
  CHECK(files::exists(file_of(folder.path() / "weights", kept)));
}

TEST_CASE("a damaged chunk is found by its hash, deleted and kept anew") {
  const temporary_folder folder;
  const auto chunk = sample(5000, 1);
  chunk_cache cache(folder.path(), 1 << 20);
  const auto path = file_of(folder.path(), chunk);
  const std::vector<std::function<void()>> damages{
      [&] {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(777);
        const int byte = file.get();
        file.seekp(777);
        file.put(static_cast<char>(byte ^ 4));
      },
      [&] { files::resize_file(path, 100); },
      [&] { files::resize_file(path, 0); },
      [&] { files::resize_file(path, chunk_bytes_max + 1); },
  };
  for (const auto& damage : damages) {
    cache.write(chunk.hash, chunk.data.bytes());
    REQUIRE(holds(cache, chunk));
    damage();
    CHECK_FALSE(cache.read(chunk.hash));
    CHECK_FALSE(files::exists(path));
  }
}

TEST_CASE("the chunks that were not used for longest make room, and files that are not ours stay") {
  const temporary_folder folder;
  chunk_cache cache(folder.path(), 100'000);  // five chunks of 20,000 bytes
  std::vector<sample_chunk> all;
  for (std::uint64_t i = 0; i < 5; ++i) {
    all.push_back(sample(5000, i));
    cache.write(all[i].hash, all[i].data.bytes());
    make_old(file_of(folder.path(), all[i]), std::chrono::hours(10 - i));
  }
  std::ofstream(folder.path() / "letter.txt") << std::string(200'000, 'x');
  CHECK(holds(cache, all[0]));  // used just now
  all.push_back(sample(5000, 5));
  cache.write(all[5].hash, all[5].data.bytes());
  CHECK(holds(cache, all[0]));
  CHECK_FALSE(cache.read(all[1].hash));
  CHECK(holds(cache, all[5]));
  std::uint64_t bytes = 0;
  for (const auto& chunk : all)
    if (files::exists(file_of(folder.path(), chunk))) bytes += 20'000;
  CHECK(bytes <= 100'000);
  CHECK(bytes >= 60'000);
  CHECK(files::exists(folder.path() / "letter.txt"));
}

TEST_CASE("a folder that cannot be made, a limit of nothing and no folder keep nothing and harm nobody") {
  const temporary_folder folder;
  const auto chunk = sample(5000, 1);
  std::ofstream(folder.path() / "file") << "not a folder";
  chunk_cache blocked(folder.path() / "file" / "weights", 1 << 20);
  blocked.write(chunk.hash, chunk.data.bytes());
  CHECK_FALSE(blocked.read(chunk.hash));
  chunk_cache nothing(folder.path() / "weights", 0);
  nothing.write(chunk.hash, chunk.data.bytes());
  CHECK_FALSE(files::exists(folder.path() / "weights"));
  chunk_cache nowhere({}, 1 << 20);
  nowhere.write(chunk.hash, chunk.data.bytes());
  CHECK_FALSE(nowhere.read(chunk.hash));
}

TEST_CASE("what a killed process left half written goes after a while") {
  const temporary_folder folder;
  const auto chunk = sample(5000, 1), next = sample(5000, 2);
  const auto path = file_of(folder.path(), chunk);
  files::create_directories(path.parent_path());
  const auto unfinished = path.parent_path() / ("unfinished-123" + path.filename().string());
  std::ofstream(unfinished) << "half";
  make_old(unfinished, std::chrono::hours(2));
  chunk_cache cache(folder.path(), 1 << 20);
  cache.write(next.hash, next.data.bytes());
  CHECK_FALSE(files::exists(unfinished));
}
