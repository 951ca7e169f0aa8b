#include "troupe/chaos/shrink.hpp"

#include <algorithm>

namespace troupe::chaos {
namespace {

class search {
public:
  search(const fault_plan& plan, const std::function<bool(const fault_plan&)>& fails, std::size_t runs_max)
      : best_(plan), fails_(fails), runs_left_(runs_max) {}

  shrunk_plan run(std::size_t runs_max) {
    bool changed = true;
    while (changed && runs_left_ > 0) {
      changed = fewer_faults();
      changed = simpler_faults() || changed;
      changed = less_work() || changed;
    }
    // A pass in which the calls ran out has not tried everything.
    return {best_, runs_max - runs_left_, !changed && runs_left_ > 0};
  }

private:
  /// Keeps `candidate` if it is another plan and fails too.
  bool takes(fault_plan candidate) {
    if (candidate == best_ || runs_left_ == 0 || !validate(candidate)) return false;
    --runs_left_;
    if (!fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  /// ddmin over complements: pieces of the list are left out, then smaller pieces.
  bool fewer_faults() {
    bool changed = false;
    for (std::size_t piece = std::max<std::size_t>(best_.faults.size() / 2, 1); runs_left_ > 0;) {
      bool removed = false;
      for (std::size_t begin = 0; begin < best_.faults.size();) {
        fault_plan candidate = best_;
        const auto first = candidate.faults.begin() + static_cast<std::ptrdiff_t>(begin);
        const std::size_t end = std::min(begin + piece, candidate.faults.size());
        candidate.faults.erase(first, first + static_cast<std::ptrdiff_t>(end - begin));
        if (takes(std::move(candidate)))
          removed = true;  // what follows moved here
        else
          begin = end;
      }
      changed = changed || removed;
      if (piece == 1 && !removed) break;
      piece = std::max<std::size_t>(piece / 2, 1);
    }
    return changed;
  }

  /// Brings one number of the plan nearer to `least`: at once if that still fails, else by halves.
  template <class Access>
  bool smaller(std::uint64_t least, Access number) {
    bool changed = false;
    for (std::uint64_t next = least;;) {
      const std::uint64_t now = number(best_, nullptr);
      if (now <= next || runs_left_ == 0) return changed;
      fault_plan candidate = best_;
      number(candidate, &next);
      if (takes(std::move(candidate))) {
        changed = true;
        next = least;
        continue;
      }
      next += (now - next + 1) / 2;
    }
  }

  bool simpler_faults() {
    bool changed = false;
    for (std::size_t i = 0; i < best_.faults.size(); ++i) {
      const auto time = [i](microseconds fault::*member, std::int64_t unit) {
        return [i, member, unit](fault_plan& plan, const std::uint64_t* set) {
          microseconds& value = plan.faults[i].*member;
          if (set) value = microseconds(static_cast<std::int64_t>(*set) * unit);
          return static_cast<std::uint64_t>(value.count() / unit);
        };
      };
      // Milliseconds are fine enough for a failure that somebody is to understand.
      changed = smaller(0, time(&fault::at, 1000)) || changed;
      changed = smaller(1, time(&fault::lasting, 1000)) || changed;
      changed = smaller(info_of(best_.faults[i].kind).parameter_min,
                        [i](fault_plan& plan, const std::uint64_t* set) {
                          if (set) plan.faults[i].parameter = *set;
                          return plan.faults[i].parameter;
                        }) ||
                changed;
      changed = smaller(0,
                        [i](fault_plan& plan, const std::uint64_t* set) -> std::uint64_t {
                          auto& token = plan.faults[i].token;
                          if (set && token) token = static_cast<std::uint32_t>(*set);
                          return token.value_or(0);
                        }) ||
                changed;
    }
    return changed;
  }

  bool less_work() {
    const auto member = [](std::uint32_t workload::*which) {
      return [which](fault_plan& plan, const std::uint64_t* set) -> std::uint64_t {
        if (set) plan.work.*which = static_cast<std::uint32_t>(*set);
        return plan.work.*which;
      };
    };
    bool changed = smaller(1, member(&workload::requests));
    changed = smaller(1, member(&workload::tokens)) || changed;
    return smaller(1, member(&workload::nodes)) || changed;
  }

  fault_plan best_;
  const std::function<bool(const fault_plan&)>& fails_;
  std::size_t runs_left_;
};

}  // namespace

shrunk_plan shrink(const fault_plan& plan, const std::function<bool(const fault_plan&)>& fails, std::size_t runs_max) {
  return search(plan, fails, runs_max).run(runs_max);
}

}  // namespace troupe::chaos
