// Another `troupe node` or `troupe serve` process on this machine, for as long as this object lives.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "troupe/engine/result.hpp"

namespace troupe::chaos {

/// A child of the calling process. It is killed when the thread that started it ends: a program that is killed leaves
/// no nodes behind. One thread at a time.
class node_process {
public:
  /// Starts `program` as a node, on a free loopback port unless `listen` names one, and waits up to 30 s until it is
  /// ready. `more`: further options.
  static result<node_process> start(const std::string& program, const std::string& name, const std::string& device,
                                    const std::string& listen = "127.0.0.1:0",
                                    const std::vector<std::string>& more = {});

  /// The same for any command that says its port in JSON on its first line: `words` are the program and its arguments.
  static result<node_process> run(std::vector<std::string> words, const std::string& name);

  node_process(node_process&& other) noexcept;
  node_process& operator=(node_process&& other) noexcept;
  /// Asks the process to stop, waits 12 s (it hands its parts over), then kills it.
  ~node_process();

  const std::string& name() const noexcept { return name_; }
  /// "127.0.0.1:PORT".
  const std::string& address() const noexcept { return address_; }
  int pid() const noexcept { return pid_; }

  /// SIGKILL: the process has no chance to say goodbye.
  void kill();
  /// Sends a signal. `unavailable` when the process has ended.
  result<void> signal(int number);
  /// False once the process has ended, for whatever reason.
  bool alive();

private:
  node_process(std::string name, int pid) : name_(std::move(name)), pid_(pid) {}
  bool wait_for_end(int milliseconds);

  std::string name_;
  std::string address_;
  int pid_ = -1;
};

}  // namespace troupe::chaos
