#include "slice_state.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

using namespace slice_action;

/// What is known of the work, made anew for a new attempt; nullptr when it is over already or there is no room.
slice_state::progress* slice_state::find(const slice_work& work, time_point deadline, time_point now,
                                         slice_actions& out) {
  for (auto each = works_.begin(); each != works_.end();) {
    if (now < each->second.deadline) {
      ++each;
      continue;
    }
    out.push_back(forget{{each->first.first, each->first.second, each->second.attempt}});
    each = works_.erase(each);
  }
  const key wanted{work.request, work.micro};
  auto found = works_.find(wanted);
  if (found != works_.end() && found->second.attempt > work.attempt) return nullptr;
  if (found != works_.end() && found->second.attempt < work.attempt) {
    out.push_back(forget{{work.request, work.micro, found->second.attempt}});
    works_.erase(found);
    found = works_.end();
  }
  if (found != works_.end()) return &found->second;
  if (works_.size() >= slice_limits::works_max) {
    out.push_back(refuse{
        work,
        fail(errc::unavailable, "{} micro-batches are under way in this slice, which is the limit", works_.size())});
    return nullptr;
  }
  progress made;
  made.attempt = work.attempt;
  made.deadline = deadline;
  return &works_.emplace(wanted, std::move(made)).first->second;
}

slice_actions slice_state::begin(const slice_work& work, std::vector<tensor> inputs, time_point deadline,
                                 time_point now) {
  slice_actions out;
  progress* at = find(work, deadline, now, out);
  if (!at || at->begun) return out;
  if (inputs.size() != program_->inputs.size()) {
    give_up(work,
            fail(errc::invalid_argument, "a step has {} tensors; the model has {} inputs", inputs.size(),
                 program_->inputs.size()),
            out);
    return out;
  }
  at->begun = true;
  at->values = program_->known_outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) at->values[program_->inputs[i]] = std::move(inputs[i]);
  run_segment(work, *at, out);
  return out;
}

slice_actions slice_state::partial(const slice_work& work, std::size_t segment, std::size_t slice,
                                   std::vector<tensor> partials, time_point deadline, time_point now) {
  slice_actions out;
  progress* at = find(work, deadline, now, out);
  if (!at) return out;
  const bool known = segment + 1 < program_->segments.size() && slice < program_->slices && slice != program_->slice &&
                     partials.size() == program_->segments[segment].exchanges.size();
  if (!known) {
    give_up(work,
            fail(errc::invalid_argument, "slice {} sends {} partial results of segment {}, which nobody expects", slice,
                 partials.size(), segment),
            out);
    return out;
  }
  auto& there = at->partials[segment];
  there.resize(program_->slices);
  if (!there[slice]) there[slice] = std::move(partials);
  if (at->begun && segment == at->segment && join_all(work, *at, out)) {
    ++at->segment;
    run_segment(work, *at, out);
  }
  return out;
}

/// Goes on until a segment has something to compute, or others have to be waited for.
void slice_state::run_segment(const slice_work& work, progress& at, slice_actions& out) {
  const slice_segment& segment = program_->segments[at.segment];
  if (!segment.network) return segment_done(work, at, out);
  compute order{work, at.segment, {}, at.deadline};
  for (const value_id id : segment.inputs) order.inputs.push_back(at.values.at(id));
  out.push_back(std::move(order));
}

slice_actions slice_state::computed(const slice_work& work, std::vector<tensor> outputs) {
  slice_actions out;
  if (!knows(work)) return out;
  progress& at = works_.at({work.request, work.micro});
  const slice_segment& segment = program_->segments[at.segment];
  if (outputs.size() != segment.outputs.size()) {
    give_up(work, error(errc::internal, "a segment of a slice gives another number of values than it should"), out);
    return out;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) at.values[segment.outputs[i]] = std::move(outputs[i]);
  segment_done(work, at, out);
  return out;
}

void slice_state::segment_done(const slice_work& work, progress& at, slice_actions& out) {
  const std::size_t last = program_->segments.size() - 1;
  if (at.segment == last) {
    std::vector<tensor> outputs;
    for (std::size_t i = 0; i < program_->outputs.size(); ++i) {
      tensor& made = at.values.at(program_->outputs[i]);
      auto declared = convert(made, program_->output_types[i].value_or(made.type()));
      if (!declared) return give_up(work, std::move(declared).error(), out);
      outputs.push_back(std::move(declared).value());
    }
    works_.erase({work.request, work.micro});
    out.push_back(finish{work, std::move(outputs)});
    return;
  }
  // After the last exchange only the first slice goes on.
  const bool to_all = at.segment + 1 < last;
  std::vector<tensor> mine;
  const slice_segment& done = program_->segments[at.segment];
  for (const value_exchange& each : done.exchanges) mine.push_back(at.values.at(each.partial));
  for (const value_id id : done.last_used) at.values.erase(id);
  auto& there = at.partials[at.segment];
  there.resize(program_->slices);
  there[program_->slice] = mine;
  if (to_all || program_->slice != 0) out.push_back(send{work, at.segment, std::move(mine), to_all});
  if (!to_all && program_->slice != 0) {
    works_.erase({work.request, work.micro});
    out.push_back(finish{work, std::nullopt});
    return;
  }
  if (!join_all(work, at, out)) return;
  ++at.segment;
  run_segment(work, at, out);
}

bool slice_state::join_all(const slice_work& work, progress& at, slice_actions& out) {
  const auto found = at.partials.find(at.segment);
  if (found == at.partials.end()) return false;
  auto& there = found->second;
  if (std::any_of(there.begin(), there.end(), [](const auto& each) { return !each; })) return false;
  const auto& exchanges = program_->segments[at.segment].exchanges;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    std::vector<tensor> partials;
    for (auto& each : there) partials.push_back(std::move((*each)[i]));
    auto whole = join_partials(exchanges[i], partials);
    if (!whole) {
      give_up(work, std::move(whole).error().while_doing("joining partial results of slices"), out);
      return false;
    }
    at.values[exchanges[i].whole] = std::move(whole).value();
  }
  at.partials.erase(found);
  return true;
}

void slice_state::give_up(const slice_work& work, error why, slice_actions& out) {
  works_.erase({work.request, work.micro});
  out.push_back(refuse{work, std::move(why)});
}

bool slice_state::knows(const slice_work& work) const {
  const auto found = works_.find({work.request, work.micro});
  return found != works_.end() && found->second.attempt == work.attempt;
}

void slice_state::drop(const slice_work& work) {
  if (knows(work)) works_.erase({work.request, work.micro});
}

}  // namespace troupe
