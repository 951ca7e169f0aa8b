// The program that uses a simulated cluster: loads the model over all hosts, asks what its workload says, and compares
// every answer with that of a cluster without faults.
#pragma once

#include "simulation/fault.hpp"
#include "simulation/simulated_cluster.hpp"

namespace troupe::simulation {

class host_program {
public:
  struct observer {
    std::function<void(const std::string& invariant, std::string what)> violated;
    std::function<void()> loaded;
  };

  host_program(simulated_cluster& cluster, prepared_model& model, const workload& work, observer told);

  /// Starts all hosts, links them and loads the model.
  void start();
  bool loaded() const noexcept { return loaded_; }
  /// Every client has had all its answers.
  bool finished() const;
  /// Asks each client's last question once more, until it is answered with a result.
  void prove_healed();
  bool healed() const noexcept { return proving_ && unproven_ == 0; }
  /// From now on errors are all that can come: each client takes one for its last answer.
  void model_ended() noexcept { ended_ = true; }
  /// Withdraws the request that was made last; false when it has been answered.
  bool cancel_newest();
  /// Gives the model up. Requests that have no answer then never get one.
  void finish();
  /// The time for which the program's own host stood still does not count against deadlines.
  void excuse(duration lost) { excused_ += lost; }

  std::uint32_t answered() const noexcept { return answered_; }
  std::uint32_t failed() const noexcept { return failed_; }
  std::uint32_t recoveries() const noexcept { return recoveries_; }
  const std::string& last_failure() const noexcept { return last_failure_; }

private:
  struct client {
    std::uint32_t number = 0;
    std::uint32_t asked = 0;  ///< questions that are over
    std::int64_t rows = 0;    ///< of a session, that it has
    std::uint64_t epoch = 0;  ///< of a session; 0: its rows have to be run again
    bool busy = false;        ///< asks, or is about to
    bool proving = false, proven = false;
  };
  struct question {
    std::uint64_t ticket = 0;
    std::uint32_t client = 0;
    std::uint32_t subject = 0;  ///< session or batch
    std::int64_t first = 0, count = 0;
    bool replay = false, cancelled = false, answered = false;
    time_point deadline;
  };

  void link();
  void load();
  void ask(std::uint32_t number);
  void answered(std::uint64_t id, const result<run_result>& outcome);
  void check(const question& asked, const run_result& answer);
  void go_on(client& asker, duration pause);
  void fail(client& asker, const error& why);

  simulated_cluster& cluster_;
  prepared_model& model_;
  const workload work_;
  observer told_;
  std::shared_ptr<model_version> version_;
  std::size_t starting_ = 0, linking_ = 0;
  bool loaded_ = false, proving_ = false, ended_ = false, over_ = false;
  std::uint32_t unproven_ = 0;
  std::vector<client> clients_;
  std::uint64_t questions_ = 0;
  std::map<std::uint64_t, question> open_;
  std::uint32_t next_batch_ = 0;
  std::uint32_t answered_ = 0, failed_ = 0, recoveries_ = 0;
  duration excused_{};
  std::string last_failure_;
};

}  // namespace troupe::simulation
