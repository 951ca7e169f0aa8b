#include "roofline/host_probe.hpp"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <new>
#include <thread>

#include "troupe/engine/detail/fail.hpp"

// A second copy of each loop for processors with wide vectors. It is a function of its own, and not a clone that the
// compiler makes, since GCC takes vector types apart before it makes clones: half the speed, and no fused products.
// Both are compiled for speed in every kind of build.
#if defined(__GNUC__) && !defined(__clang__)
#define TROUPE_FAST __attribute__((optimize("O3")))
#else
#define TROUPE_FAST
#endif
#if defined(__x86_64__) && defined(__GNUC__)
#define TROUPE_WIDE_VECTORS TROUPE_FAST __attribute__((target("avx2,fma")))
#endif

namespace troupe {
namespace {

constexpr std::size_t read_bytes = std::size_t{96} << 20;  ///< split among threads; above the caches of most machines
constexpr std::chrono::milliseconds measured_for{250};     ///< each limit; rounds are repeated until then
constexpr std::size_t vector_lanes = 8;
constexpr std::size_t chains_max = 10;  ///< independent chains: they hide the latency of one, and fit 16 registers
constexpr std::size_t lanes = vector_lanes * chains_max;
constexpr std::size_t fma_steps = 200'000;

/// GCC's and Clang's vectors, in as many registers as the target needs for them.
typedef float floats __attribute__((vector_size(vector_lanes * sizeof(float))));
typedef std::uint64_t integers __attribute__((vector_size(32), aligned(8), may_alias));

struct host_loops {
  std::uint64_t (*sum)(const std::uint64_t* words, std::size_t count);  ///< `count`: a multiple of 16
  float (*fma)(float start, float factor, float term);
};

// The bodies are macros because only then the vectors are those of the function's target.
#define TROUPE_SUM_BODY                                                                 \
  integers sums[4] = {};                                                                \
  const auto* from = reinterpret_cast<const integers*>(words);                          \
  for (std::size_t i = 0; i < count / 4; i += 4)                                        \
    _Pragma("GCC unroll 4") for (std::size_t j = 0; j < 4; ++j) sums[j] += from[i + j]; \
  const integers sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);                       \
  return sum[0] + sum[1] + sum[2] + sum[3];

#define TROUPE_FMA_BODY                                                                                            \
  floats chains[chains_max];                                                                                       \
  for (floats & chain : chains) chain = floats{} + start;                                                          \
  const floats factors = floats{} + factor, terms = floats{} + term;                                               \
  for (std::size_t step = 0; step < fma_steps; ++step)                                                             \
    _Pragma("GCC unroll 10") for (std::size_t c = 0; c < chains_max; ++c) chains[c] = chains[c] * factors + terms; \
  floats sum{};                                                                                                    \
  for (const floats& chain : chains) sum += chain;                                                                 \
  return sum[0];

TROUPE_FAST std::uint64_t sum_words(const std::uint64_t* words, std::size_t count){TROUPE_SUM_BODY} TROUPE_FAST
    float run_fma(float start, float factor, float term){TROUPE_FMA_BODY}
#ifdef TROUPE_WIDE_VECTORS
TROUPE_WIDE_VECTORS std::uint64_t
    sum_words_wide(const std::uint64_t* words, std::size_t count){TROUPE_SUM_BODY} TROUPE_WIDE_VECTORS
    float run_fma_wide(float start, float factor, float term){TROUPE_FMA_BODY}
#endif

host_loops best_loops() {
#ifdef TROUPE_WIDE_VECTORS
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {sum_words_wide, run_fma_wide};
#endif
  return {sum_words, run_fma};
}

/// What the calling thread has computed for, in seconds: other work on the machine does not count.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The least CPU time in seconds, over all rounds, in which every thread does `work(thread)`, all at once.
template <class Work>
double least_seconds(unsigned threads, const Work& work) {
  using clock = std::chrono::steady_clock;
  double least = 1e9;
  bool more = true;
  const auto end = clock::now() + measured_for;
  std::vector<double> taken(threads);
  std::barrier start(threads);
  std::barrier finish(threads, [&]() noexcept {
    least = std::min(least, *std::max_element(taken.begin(), taken.end()));
    more = clock::now() < end;
  });
  const auto body = [&](unsigned thread) {
    while (more) {
      start.arrive_and_wait();
      const double before = thread_seconds();
      work(thread);
      taken[thread] = thread_seconds() - before;
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

  const host_loops loops = best_loops();
  const std::size_t share = read_bytes / sizeof(std::uint64_t) / threads / 16 * 16;
  const std::vector<std::uint64_t> words(share * threads, 1);
  const double read_s =
      least_seconds(threads, [&](unsigned thread) { used += loops.sum(words.data() + share * thread, share); });
  made.read_bytes_per_s = static_cast<double>(words.size() * sizeof(std::uint64_t)) / read_s;

  const double fma_s = least_seconds(threads, [&](unsigned thread) {
    used += static_cast<std::uint64_t>(loops.fma(static_cast<float>(thread), 0.999f, 0.001f));
  });
  made.operations_per_s = 2.0 * static_cast<double>(lanes * fma_steps * threads) / fma_s;
  return made;
} catch (const std::exception&) {
  // No memory for the buffer, or no threads to be had.
  return fail(errc::out_of_memory, "measuring the machine needs {} MiB and {} threads; free some memory",
              read_bytes >> 20, threads);
}

}  // namespace troupe
