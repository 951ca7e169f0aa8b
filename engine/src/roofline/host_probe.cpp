#include "roofline/host_probe.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <new>
#include <thread>

#include "troupe/engine/detail/fail.hpp"

// One copy of the loops for each generation of vector instructions; the loader takes the best that the processor has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define TROUPE_VECTOR_CLONES __attribute__((target_clones("default", "arch=haswell"), optimize("O3", "fast-math")))
#else
#define TROUPE_VECTOR_CLONES
#endif

namespace troupe {
namespace {

constexpr std::size_t read_bytes = std::size_t{96} << 20;  ///< well above any cache; split among threads
constexpr std::chrono::milliseconds measured_for{250};     ///< each limit; rounds are repeated until then
constexpr std::size_t vector_lanes = 8;
constexpr std::size_t chains_max = 10;  ///< independent chains: they hide the latency of one, and fit 16 registers
constexpr std::size_t lanes = vector_lanes * chains_max;
constexpr std::size_t fma_steps = 200'000;

TROUPE_VECTOR_CLONES std::uint64_t sum_words(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += words[i];
  return sum;
}

/// GCC's and Clang's vectors: eight floats, in as many registers as the target needs for them.
typedef float vector __attribute__((vector_size(vector_lanes * sizeof(float))));

TROUPE_VECTOR_CLONES float run_fma(float start, float factor, float term) {
  vector chains[chains_max];
  for (std::size_t c = 0; c < chains_max; ++c) chains[c] = vector{} + start;
  const vector factors = vector{} + factor, terms = vector{} + term;
  for (std::size_t step = 0; step < fma_steps; ++step) {
#pragma GCC unroll 10
    for (std::size_t c = 0; c < chains_max; ++c) chains[c] = chains[c] * factors + terms;
  }
  vector sum{};
  for (std::size_t c = 0; c < chains_max; ++c) sum += chains[c];
  return sum[0];
}

/// The least time in seconds, over all rounds, in which every thread does `work(thread)`.
template <class Work>
double least_seconds(unsigned threads, const Work& work) {
  using clock = std::chrono::steady_clock;
  double least = 1e9;
  bool more = true;
  const auto end = clock::now() + measured_for;
  clock::time_point started;
  std::barrier start(threads, [&]() noexcept { started = clock::now(); });
  std::barrier finish(threads, [&]() noexcept {
    least = std::min(least, std::chrono::duration<double>(clock::now() - started).count());
    more = clock::now() < end;
  });
  const auto body = [&](unsigned thread) {
    while (more) {
      start.arrive_and_wait();
      work(thread);
      finish.arrive_and_wait();
    }
  };
  std::vector<std::jthread> others;
  for (unsigned thread = 1; thread < threads; ++thread) others.emplace_back(body, thread);
  body(0);
  return least;
}

}  // namespace

result<roofline> measure_host(unsigned threads) try {
  threads = std::clamp(threads, 1u, 256u);
  roofline made;
  made.threads = threads;
  std::atomic<std::uint64_t> used = 0;  // keeps the loops from being optimised away

  const std::size_t share = read_bytes / sizeof(std::uint64_t) / threads;
  const std::vector<std::uint64_t> words(share * threads, 1);
  const double read_s =
      least_seconds(threads, [&](unsigned thread) { used += sum_words(words.data() + share * thread, share); });
  made.read_bytes_per_s = static_cast<double>(words.size() * sizeof(std::uint64_t)) / read_s;

  const double fma_s = least_seconds(threads, [&](unsigned thread) {
    used += static_cast<std::uint64_t>(run_fma(static_cast<float>(thread), 0.999f, 0.001f));
  });
  made.operations_per_s = 2.0 * static_cast<double>(lanes * fma_steps * threads) / fma_s;
  return made;
} catch (const std::exception&) {
  // No memory for the buffer, or no threads to be had.
  return fail(errc::out_of_memory, "measuring the machine needs {} MiB and {} threads; free some memory",
              read_bytes >> 20, threads);
}

}  // namespace troupe
