#include "troupe/chaos/node_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

namespace troupe::chaos {
namespace {

constexpr std::chrono::seconds ready_within{30};
constexpr std::size_t line_length_max = 64 * 1024;

/// The first line that arrives; empty when the other end closes or the time is over.
std::string read_line(int descriptor) {
  const auto deadline = std::chrono::steady_clock::now() + ready_within;
  std::string line;
  while (line.size() < line_length_max) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{descriptor, POLLIN, 0};
    const int ready = left.count() > 0 ? poll(&readable, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return {};
    char letter = 0;
    if (read(descriptor, &letter, 1) != 1) return {};
    if (letter == '\n') return line;
    line += letter;
  }
  return {};
}

}  // namespace

result<node_process> node_process::start(const std::string& program, const std::string& name, const std::string& device,
                                         const std::string& listen, const std::vector<std::string>& more) {
  std::vector<std::string> words{program, "node", "--listen", listen, "--name", name, "--json"};
  if (!device.empty()) words.insert(words.end(), {"--device", device});
  words.insert(words.end(), more.begin(), more.end());
  return run(std::move(words), name);
}

result<node_process> node_process::run(std::vector<std::string> words, const std::string& name) {
  // Everything that allocates happens before the fork: other threads of this process may hold locks.
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return error(errc::unavailable, std::string("no pipe: ") + std::strerror(errno));
  const int pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);  // what the thread here has blocked is not the node's business
    dup2(ends[1], STDOUT_FILENO);
    execv(arguments[0], arguments.data());
    ::kill(getpid(), SIGKILL);  // without the exit handlers of a program that this is only a copy of
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return error(errc::unavailable, std::string("no further process: ") + std::strerror(errno));
  }
  node_process started(name, pid);
  const std::string line = read_line(ends[0]);
  close(ends[0]);
  const auto ready = nlohmann::json::parse(line, nullptr, false);
  if (!ready.is_object() || !ready.contains("port") || !ready["port"].is_number_unsigned())
    return error(errc::unavailable, words[0] + " " + words[1] + " does not get ready; it says \"" + line + "\"");
  started.address_ = "127.0.0.1:" + std::to_string(ready["port"].get<unsigned>());
  return started;
}

node_process::node_process(node_process&& other) noexcept
    : name_(std::move(other.name_)), address_(std::move(other.address_)), pid_(std::exchange(other.pid_, -1)) {}

node_process& node_process::operator=(node_process&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(address_, other.address_);
  std::swap(pid_, other.pid_);
  return *this;
}

node_process::~node_process() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  if (!wait_for_end(12'000)) kill();
}

void node_process::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

result<void> node_process::signal(int number) {
  if (!alive() || ::kill(pid_, number) != 0)
    return error(errc::unavailable, "the node process \"" + name_ + "\" has ended");
  return {};
}

bool node_process::alive() {
  if (pid_ >= 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ >= 0;
}

bool node_process::wait_for_end(int milliseconds) {
  for (int waited = 0; waited < milliseconds; waited += 10) {
    if (!alive()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace troupe::chaos
