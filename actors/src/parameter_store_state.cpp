#include "parameter_store_state.hpp"

#include <algorithm>
#include <optional>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

using namespace parameter_store_action;
using namespace parameter_store_limits;

parameter_store_actions parameter_store_state::begin(std::uint64_t job, const std::vector<content_hash>& chunks,
                                                     const std::vector<std::uint64_t>& holders) {
  parameter_store_actions out;
  if (jobs_.size() >= jobs_max) {
    out.push_back(failed{
        job, fail(errc::unavailable, "the weights of {} parts are being fetched, which is the limit", jobs_.size())});
    return out;
  }
  running_job& added = jobs_[job];
  added.holders = holders;
  for (const content_hash& hash : chunks) {
    const auto [place, is_new] = chunks_.try_emplace(hash);
    if (is_new) to_look_up_.push_back(hash);
    if (place->second.jobs.insert(job).second) ++added.missing;
  }
  if (added.missing == 0) {
    drop_job(job);
    out.push_back(finished{job});
  }
  proceed(out);
  return out;
}

parameter_store_actions parameter_store_state::cancel(std::uint64_t job) {
  parameter_store_actions out;
  drop_job(job);
  proceed(out);
  return out;
}

parameter_store_actions parameter_store_state::looked_up(const content_hash& hash, bool found) {
  parameter_store_actions out;
  --looking_;
  if (const auto place = chunks_.find(hash); place != chunks_.end()) {
    place->second.under_way = false;
    if (found || place->second.jobs.empty())
      arrived(hash, out);
    else
      to_ask_.push_back(hash);
  }
  proceed(out);
  return out;
}

parameter_store_actions parameter_store_state::answered(const content_hash& hash, std::uint64_t holder,
                                                        answer outcome) {
  parameter_store_actions out;
  --asked_;
  if (--asked_of_[holder] == 0) asked_of_.erase(holder);
  if (outcome == answer::failed)
    for (auto& [number, job] : jobs_) std::erase(job.holders, holder);
  if (const auto place = chunks_.find(hash); place != chunks_.end()) {
    place->second.under_way = false;
    if (outcome == answer::right || place->second.jobs.empty()) {
      arrived(hash, out);
    } else {
      place->second.without.insert(holder);
      to_ask_.push_front(hash);
    }
  }
  proceed(out);
  return out;
}

std::vector<std::uint64_t> parameter_store_state::wanted_by(const content_hash& hash) const {
  const auto found = chunks_.find(hash);
  if (found == chunks_.end()) return {};
  return {found->second.jobs.begin(), found->second.jobs.end()};
}

void parameter_store_state::arrived(const content_hash& hash, parameter_store_actions& out) {
  const auto place = chunks_.find(hash);
  for (const std::uint64_t each : place->second.jobs) {
    running_job& job = jobs_.at(each);
    if (--job.missing > 0) continue;
    jobs_.erase(each);
    out.push_back(finished{each});
  }
  chunks_.erase(place);
}

void parameter_store_state::fail_job(std::uint64_t job, const error& why, parameter_store_actions& out) {
  drop_job(job);
  out.push_back(failed{job, why});
}

/// Chunks that are under way stay until their answer comes; the others are forgotten with their last job.
void parameter_store_state::drop_job(std::uint64_t job) {
  if (jobs_.erase(job) == 0) return;
  for (auto each = chunks_.begin(); each != chunks_.end();) {
    each->second.jobs.erase(job);
    if (each->second.jobs.empty() && !each->second.under_way)
      each = chunks_.erase(each);
    else
      ++each;
  }
  const auto forgotten = [this](const content_hash& hash) { return chunks_.count(hash) == 0; };
  std::erase_if(to_look_up_, forgotten);
  std::erase_if(to_ask_, forgotten);
}

void parameter_store_state::proceed(parameter_store_actions& out) {
  while (looking_ < look_ups_max && !to_look_up_.empty()) {
    const content_hash next = to_look_up_.front();
    to_look_up_.pop_front();
    chunks_.at(next).under_way = true;
    ++looking_;
    out.push_back(look_up{next});
  }
  while (asked_ < asked_max && ask_next(out)) {
  }
}

/// Asks for one chunk, or fails the jobs that nobody can help; false when there is nothing to do now.
bool parameter_store_state::ask_next(parameter_store_actions& out) {
  const std::size_t considered = std::min(to_ask_.size(), passed_over_max);
  for (std::size_t i = 0; i < considered; ++i) {
    const content_hash hash = to_ask_[i];
    wanted_chunk& chunk = chunks_.at(hash);
    std::optional<std::uint64_t> best;
    bool somebody = false;
    for (const std::uint64_t each : chunk.jobs)
      for (const std::uint64_t holder : jobs_.at(each).holders) {
        if (chunk.without.count(holder)) continue;
        somebody = true;
        const auto busy = [this](std::uint64_t who) {
          const auto found = asked_of_.find(who);
          return found == asked_of_.end() ? std::size_t{0} : found->second;
        };
        if (busy(holder) < asked_of_holder_max && (!best || busy(holder) < busy(*best))) best = holder;
      }
    if (best) {
      to_ask_.erase(to_ask_.begin() + static_cast<std::ptrdiff_t>(i));
      chunk.under_way = true;
      ++asked_;
      ++asked_of_[*best];
      out.push_back(ask{hash, *best});
      return true;
    }
    if (!somebody) {
      const error why = fail(errc::unavailable, "no node that answers has the chunk {} of the weights", hash.to_hex());
      const std::set<std::uint64_t> hopeless = chunk.jobs;
      for (const std::uint64_t each : hopeless) fail_job(each, why, out);
      return true;
    }
  }
  return false;
}

}  // namespace troupe
