#include "roofline/host_probe.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
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
constexpr std::size_t lanes = 96;  ///< independent chains: enough to hide the latency of an addition
constexpr std::size_t fma_steps = 200'000;

TROUPE_VECTOR_CLONES std::uint64_t sum_words(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += words[i];
  return sum;
}

TROUPE_VECTOR_CLONES float run_fma(float* chains, float factor, float term) {
  float local[lanes];
  std::memcpy(local, chains, sizeof(local));
  for (std::size_t step = 0; step < fma_steps; ++step)
    for (std::size_t lane = 0; lane < lanes; ++lane) local[lane] = local[lane] * factor + term;
  std::memcpy(chains, local, sizeof(local));
  return local[0];
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
    float chains[lanes];
    std::fill(chains, chains + lanes, static_cast<float>(thread));
    used += static_cast<std::uint64_t>(run_fma(chains, 0.999f, 0.001f));
  });
  made.operations_per_s = 2.0 * static_cast<double>(lanes * fma_steps * threads) / fma_s;
  return made;
} catch (const std::exception&) {
  // No memory for the buffer, or no threads to be had.
  return fail(errc::out_of_memory, "measuring the machine needs {} MiB and {} threads; free some memory",
              read_bytes >> 20, threads);
}

}  // namespace troupe
