// What one slice of a model decides (tensor parallelism): which segment it computes next, what it sends to the other
// slices, and when their partial results are complete. Every slice joins for itself, in the same order, so that no
// actor between them costs a second hop. Plain state: events in, actions out, time passed in.
//
//   begin --compute segment 0--> computed --send--> wait for the others --join--> compute segment 1 ... --> finish
//
// A micro-batch is known by request and micro; one with a higher attempt replaces what is there, and whatever arrives
// of a lower one is ignored.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe {

namespace slice_limits {
/// Micro-batches under way in one slice, those included of which only others have sent something.
inline constexpr std::size_t works_max = 2048;
}  // namespace slice_limits

/// One attempt at one micro-batch.
struct slice_work {
  std::uint64_t request = 0;
  std::uint32_t micro = 0, attempt = 0;
  friend bool operator==(const slice_work&, const slice_work&) = default;
};

namespace slice_action {
/// Run the program of a segment.
struct compute {
  slice_work work;
  std::size_t segment;
  std::vector<tensor> inputs;
  time_point deadline;
};
/// Send partial results of the exchange after `segment` to all other slices, or to the first only.
struct send {
  slice_work work;
  std::size_t segment;
  std::vector<tensor> partials;
  bool to_all;
};
/// This slice is done with the work; the first has the outputs of the model.
struct finish {
  slice_work work;
  std::optional<std::vector<tensor>> outputs;
};
/// The work cannot go on here.
struct refuse {
  slice_work work;
  error why;
};
/// The work was replaced or is too late: nothing more will be said about it.
struct forget {
  slice_work work;
};
}  // namespace slice_action

using slice_actions = std::vector<std::variant<slice_action::compute, slice_action::send, slice_action::finish,
                                               slice_action::refuse, slice_action::forget>>;

class slice_state {
public:
  explicit slice_state(std::shared_ptr<const slice_program> program) : program_(std::move(program)) {}

  /// The coordinator gives the inputs of the model.
  slice_actions begin(const slice_work& work, std::vector<tensor> inputs, time_point deadline, time_point now);
  /// Another slice gives what it made of the values that are exchanged after `segment`.
  slice_actions partial(const slice_work& work, std::size_t segment, std::size_t slice, std::vector<tensor> partials,
                        time_point deadline, time_point now);
  slice_actions computed(const slice_work& work, std::vector<tensor> outputs);
  /// The segment that was to be computed cannot be.
  void drop(const slice_work& work);

  std::size_t slices() const noexcept { return program_->slices; }
  /// Whether anything more is to be expected of the work.
  bool knows(const slice_work& work) const;
  std::size_t works() const noexcept { return works_.size(); }

private:
  using key = std::pair<std::uint64_t, std::uint32_t>;  // request, micro
  struct progress {
    std::uint32_t attempt = 0;
    time_point deadline;
    bool begun = false;
    std::size_t segment = 0;
    std::map<value_id, tensor> values;
    /// By segment, then slice. The others are one exchange ahead of this slice at most.
    std::map<std::size_t, std::vector<std::optional<std::vector<tensor>>>> partials;
  };

  progress* find(const slice_work& work, time_point deadline, time_point now, slice_actions& out);
  void run_segment(const slice_work& work, progress& at, slice_actions& out);
  void segment_done(const slice_work& work, progress& at, slice_actions& out);
  /// True when the partial results of the exchange after the present segment were complete and could be joined.
  bool join_all(const slice_work& work, progress& at, slice_actions& out);
  void give_up(const slice_work& work, error why, slice_actions& out);

  std::shared_ptr<const slice_program> program_;
  std::map<key, progress> works_;
};

}  // namespace troupe
