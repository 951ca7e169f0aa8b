// What a parameter store decides when parts need weights: what is looked for here, what is asked of which node, and
// what follows when a node fails. Plain state: events in, actions out; no CAF types, no clock, no bytes.
//
//   chunk:  waits --look_up--> found, or missing --ask--> right, or missing again at another holder
//   job:    one part; done when all its chunks are, failed when nobody is left to ask for one of them
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <variant>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/transport/content_hash.hpp"

namespace troupe {

namespace parameter_store_limits {
/// Chunks that are read from the disk at a time: they are in memory twice until they are in their place.
inline constexpr std::size_t look_ups_max = 4;
/// Chunks that are asked of one node at a time. They wait in that node's link behind whatever else it sends.
inline constexpr std::size_t asked_of_holder_max = 4;
/// Chunks that are asked of all nodes at a time: 32 MiB.
inline constexpr std::size_t asked_max = 8;
/// Parts that are fetched at a time.
inline constexpr std::size_t jobs_max = 256;
/// Chunks whose holders are all busy that are passed over in search of one that can be asked for.
inline constexpr std::size_t passed_over_max = 64;
}  // namespace parameter_store_limits

namespace parameter_store_action {
/// Look for a chunk in memory and in the cache, then call `looked_up`.
struct look_up {
  content_hash hash;
};
/// Ask a holder for a chunk and check what it gives, then call `answered`.
struct ask {
  content_hash hash;
  std::uint64_t holder;
};
/// All chunks of a part are here.
struct finished {
  std::uint64_t job;
};
struct failed {
  std::uint64_t job;
  error why;
};
}  // namespace parameter_store_action

using parameter_store_actions =
    std::vector<std::variant<parameter_store_action::look_up, parameter_store_action::ask,
                             parameter_store_action::finished, parameter_store_action::failed>>;

/// Jobs and holders are numbers chosen by the caller; each holder has one number whatever the job.
class parameter_store_state {
public:
  /// A part needs these chunks; `holders` may have them.
  parameter_store_actions begin(std::uint64_t job, const std::vector<content_hash>& chunks,
                                const std::vector<std::uint64_t>& holders);
  /// Nobody wants the part any more. Answers to what is under way are still to be told.
  parameter_store_actions cancel(std::uint64_t job);
  parameter_store_actions looked_up(const content_hash& hash, bool found);

  enum class answer {
    right,    ///< the chunk has come
    missing,  ///< the holder does not have it
    failed,   ///< the holder does not answer, or gives something else: it is not asked again
  };
  parameter_store_actions answered(const content_hash& hash, std::uint64_t holder, answer outcome);

  /// Jobs that wait for a chunk: whose memory it has to be put into.
  std::vector<std::uint64_t> wanted_by(const content_hash& hash) const;
  std::size_t jobs() const noexcept { return jobs_.size(); }
  std::size_t asked() const noexcept { return asked_; }

private:
  struct wanted_chunk {
    std::set<std::uint64_t> jobs;     // empty when all were cancelled
    std::set<std::uint64_t> without;  // holders that do not have it
    bool under_way = false;           // looked up or asked for
  };
  struct running_job {
    std::size_t missing = 0;
    std::vector<std::uint64_t> holders;  // that have not failed
  };

  void arrived(const content_hash& hash, parameter_store_actions& out);
  void fail_job(std::uint64_t job, const error& why, parameter_store_actions& out);
  void drop_job(std::uint64_t job);
  void proceed(parameter_store_actions& out);
  bool ask_next(parameter_store_actions& out);

  std::map<content_hash, wanted_chunk> chunks_;
  std::map<std::uint64_t, running_job> jobs_;
  std::map<std::uint64_t, std::size_t> asked_of_;  // by holder
  std::deque<content_hash> to_look_up_, to_ask_;
  std::size_t looking_ = 0, asked_ = 0;
};

}  // namespace troupe
