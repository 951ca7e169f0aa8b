// Damages the seeds of a target again and again and reads what comes out, in a child process, so that a crash or a hang
// is a finding with an input and not the end:
//
//   troupe_NAME_fuzz [--seconds S | --runs N] [--seed S]   10 seconds by default; a fresh seed, which is printed
//   troupe_NAME_fuzz FILE...                               reads these files instead
//   troupe_NAME_fuzz --write-seeds FOLDER                  the corpus that libFuzzer begins with
//
// Ends with 1 for a crash, a hang, a contradiction, an allocation beyond the target's allowance, or when nothing was
// accepted (then nothing was tested). The input goes to a file in the present folder.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "counted_memory.hpp"
#include "fuzz_target.hpp"
#include "support/mutation.hpp"

namespace {

using namespace troupe::test;
using std::chrono::steady_clock;

constexpr std::chrono::seconds hang{30};

/// What the child says; lies in memory that both share.
struct progress {
  std::atomic<std::uint64_t> runs{0};  ///< begun
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> worst_bytes{0};  ///< most memory of one run
  std::atomic<std::uint64_t> worst_input{0};  ///< size of the input that took it
  std::atomic<bool> excess{false};            ///< the last run took more than it may
};

struct campaign {
  std::uint64_t seed = std::random_device{}();
  std::uint64_t runs = ~std::uint64_t{0};
  std::chrono::seconds time{10};
  std::vector<fuzz_seed> seeds = fuzz_seeds();

  /// The input of one run follows from the seed and its number alone. The seeds come first, as they are.
  std::vector<std::byte> input(std::uint64_t run) const {
    if (run < seeds.size()) return seeds[run].bytes;
    random_source random(seed ^ run * 0x9e3779b97f4a7c15u);
    const fuzz_seed& from = seeds[random.below(seeds.size())];
    return mutate(from.bytes, from.boundaries, random);
  }
};

/// False when reading took more memory than it may.
bool read_one(std::span<const std::byte> input, progress& so_far) {
  const std::size_t before = held_bytes();
  forget_peak();
  if (fuzz_once(input)) ++so_far.accepted;
  const std::size_t used = peak_bytes() - before;
  if (used > so_far.worst_bytes) {
    so_far.worst_bytes = used;
    so_far.worst_input = input.size();
  }
  return used <= fuzz_allowance(input.size());
}

[[noreturn]] void work(const campaign& plan, progress& so_far) {
  const auto end = steady_clock::now() + plan.time;
  for (std::uint64_t run = 0; run < plan.runs && (run < plan.seeds.size() || steady_clock::now() < end); ++run) {
    so_far.runs = run + 1;
    if (!read_one(plan.input(run), so_far)) {
      so_far.excess = true;
      break;
    }
  }
  std::exit(0);  // and not `_Exit`: targets may have files to take away
}

int report_finding(const char* what, const campaign& plan, const progress& so_far) {
  const std::uint64_t run = so_far.runs - 1;
  const auto input = plan.input(run);
  const std::string file = "finding-" + std::to_string(plan.seed) + "-" + std::to_string(run);
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(input.data()), std::ssize(input));
  std::fprintf(stderr, "%s in run %llu of seed %llu, %zu bytes; the input is in %s\n", what,
               static_cast<unsigned long long>(run), static_cast<unsigned long long>(plan.seed), input.size(),
               file.c_str());
  return 1;
}

int run(const campaign& plan) {
  void* const shared = ::mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  auto& so_far = *new (shared) progress;
  std::printf("seed %llu\n", static_cast<unsigned long long>(plan.seed));
  std::fflush(stdout);
  const ::pid_t child = ::fork();
  if (child == 0) work(plan, so_far);
  std::uint64_t seen = 0;
  auto moved = steady_clock::now();
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (so_far.runs != seen) {
      seen = so_far.runs;
      moved = steady_clock::now();
    } else if (steady_clock::now() - moved > hang) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return report_finding("a hang", plan, so_far);
    }
  }
  if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0) return report_finding("a crash", plan, so_far);
  std::printf("%llu executions, %llu accepted, 0 crashes; most memory %llu bytes, for an input of %llu\n",
              static_cast<unsigned long long>(so_far.runs), static_cast<unsigned long long>(so_far.accepted),
              static_cast<unsigned long long>(so_far.worst_bytes), static_cast<unsigned long long>(so_far.worst_input));
  if (so_far.excess) return report_finding("too much memory", plan, so_far);
  return so_far.accepted > 0 ? 0 : 1;
}

int read_files(std::span<char*> names) {
  progress so_far;
  bool within = true;
  for (const char* name : names) {
    std::ifstream file(name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::uint64_t accepted = so_far.accepted;
    so_far.worst_bytes = 0;
    within = read_one(to_bytes(text), so_far) && within;
    std::printf("%s: %s, %llu bytes of memory\n", name, so_far.accepted > accepted ? "accepted" : "refused",
                static_cast<unsigned long long>(so_far.worst_bytes));
  }
  return within ? 0 : 1;
}

int write_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (const fuzz_seed& seed : fuzz_seeds())
    std::ofstream(folder / seed.name, std::ios::binary)
        .write(reinterpret_cast<const char*>(seed.bytes.data()), std::ssize(seed.bytes));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  campaign plan;
  for (int i = 1; i < count; ++i) {
    if (arguments[i][0] != '-') return read_files({arguments + i, arguments + count});
    const char* const value = i + 1 < count ? arguments[i + 1] : "";
    if (std::strcmp(arguments[i], "--write-seeds") == 0) return write_seeds(value);
    const std::uint64_t number = std::strtoull(value, nullptr, 10);
    if (std::strcmp(arguments[i], "--seconds") == 0)
      plan.time = std::chrono::seconds(number);
    else if (std::strcmp(arguments[i], "--runs") == 0)
      plan.runs = number, plan.time = std::chrono::hours(24);
    else if (std::strcmp(arguments[i], "--seed") == 0)
      plan.seed = number;
    else
      return std::fprintf(stderr, "unknown option %s\n", arguments[i]), 2;
    ++i;
  }
  return run(plan);
}
