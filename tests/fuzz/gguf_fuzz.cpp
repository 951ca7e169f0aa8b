// Damages a GGUF file many times and reads it: `troupe_gguf_fuzz [RUNS [SEED]]`. Prints how many of the files were
// read, and the most memory that reading one took, in bytes of memory for each byte of the file. Ends with 1 when an
// answer contradicts itself or memory grows beyond twice the file.
#include <cstdio>
#include <cstdlib>
#include <new>

#include "support/gguf_mutation.hpp"

namespace {

// What the heap holds, counted by the operators below, which the compiler is not to see through. One thread.
std::size_t live = 0;
std::size_t peak = 0;

constexpr std::size_t header = 64;

[[gnu::noinline]] void* counted_allocation(std::size_t bytes) {
  auto* const raw = static_cast<std::byte*>(std::aligned_alloc(64, (bytes + header + 63) / 64 * 64));
  if (!raw) return nullptr;
  *reinterpret_cast<std::size_t*>(raw) = bytes;
  live += bytes;
  peak = live > peak ? live : peak;
  return raw + header;
}

[[gnu::noinline]] void counted_release(void* at) noexcept {
  if (!at) return;
  auto* const raw = static_cast<std::byte*>(at) - header;
  live -= *reinterpret_cast<std::size_t*>(raw);
  std::free(raw);
}

}  // namespace

void* operator new(std::size_t bytes) {
  if (void* const at = counted_allocation(bytes)) return at;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return counted_allocation(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t) {
  return operator new(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t, const std::nothrow_t&) noexcept {
  return counted_allocation(bytes);
}
void operator delete(void* at) noexcept {
  counted_release(at);
}
void operator delete(void* at, std::size_t) noexcept {
  counted_release(at);
}
void operator delete(void* at, std::align_val_t) noexcept {
  counted_release(at);
}
void operator delete(void* at, std::size_t, std::align_val_t) noexcept {
  counted_release(at);
}

namespace {

using namespace troupe;
using namespace troupe::test;

/// Messages, and the fixed parts of what is held, do not depend on the file.
constexpr std::size_t fixed_bytes = 4096;

struct outcome {
  unsigned long read = 0;
  unsigned long contradictions = 0;
  std::size_t worst_bytes = 0;  ///< most memory of one run
  double worst_share = 0;       ///< memory beyond the fixed part, over the size of its file
};

void run_once(std::vector<std::byte> damaged, outcome& so_far) {
  const std::size_t size = damaged.size();
  const auto held = std::make_shared<const std::vector<std::byte>>(std::move(damaged));
  const std::size_t before = live;
  peak = live;
  if (const auto file = gguf_file::parse(*held, held)) {
    ++so_far.read;
    so_far.contradictions += is_consistent(*file) ? 0 : 1;
  }
  const std::size_t used = peak - before;
  so_far.worst_bytes = std::max(so_far.worst_bytes, used);
  if (used > fixed_bytes && size > 0)
    so_far.worst_share =
        std::max(so_far.worst_share, static_cast<double>(used - fixed_bytes) / static_cast<double>(size));
}

}  // namespace

int main(int count, char** arguments) {
  const unsigned long runs = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 100'000;
  const unsigned long seed = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 1;
  random_source random(seed);
  // Beside the varied file one that is nothing but small things, where lists weigh most.
  gguf_builder many = varied_gguf();
  for (int i = 0; i < 400; ++i) many.value("k" + std::to_string(i), std::uint8_t{1});
  many.texts("l.empty", std::vector<std::string>(2000));
  many.alignment = 8;
  many.tensors.clear();
  for (int i = 0; i < 300; ++i) many.floats("t" + std::to_string(i), {1}, {1.0f});
  const gguf_bytes files[] = {varied_gguf().build(), many.build()};

  outcome so_far;
  for (unsigned long i = 0; i < runs; ++i) run_once(mutate(files[i % 8 == 7], random), so_far);
  std::printf(
      "%lu executions, seed %lu: %lu files read, %lu contradictions, 0 crashes; most memory %zu bytes, %.2f bytes "
      "for each byte of the file\n",
      runs, seed, so_far.read, so_far.contradictions, so_far.worst_bytes, so_far.worst_share);
  return so_far.contradictions == 0 && so_far.read > 0 && so_far.worst_share <= 2.0 ? 0 : 1;
}
