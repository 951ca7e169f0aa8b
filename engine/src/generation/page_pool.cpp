#include "generation/page_pool.hpp"

#include <algorithm>
#include <cassert>

namespace troupe {
namespace {

page_pool::page_tokens as_array(std::span<const std::int32_t> tokens) {
  page_pool::page_tokens made{};
  assert(tokens.size() == made.size());
  std::copy_n(tokens.begin(), made.size(), made.begin());
  return made;
}

}  // namespace

page_pool::page_pool(std::int64_t count) : pages_(static_cast<std::size_t>(std::max<std::int64_t>(count, 1))) {
  for (auto i = static_cast<page>(pages_.size()); i-- > 1;) free_.push_back(i);
}

std::optional<page_pool::page> page_pool::take() {
  page which = 0;
  if (!free_.empty()) {
    which = free_.back();
    free_.pop_back();
  } else if (!kept_.empty()) {
    which = kept_.begin()->second;
    kept_.erase(kept_.begin());
    forget(pages_[static_cast<std::size_t>(which)]);
  } else {
    return std::nullopt;
  }
  pages_[static_cast<std::size_t>(which)].users = 1;
  return which;
}

void page_pool::release(page which) {
  status& held = pages_[static_cast<std::size_t>(which)];
  assert(held.users > 0);
  if (--held.users > 0) return;
  if (held.name == 0) {
    free_.push_back(which);
    return;
  }
  held.kept_since = ++clock_;
  kept_.emplace(held.kept_since, which);
}

std::optional<page_pool::found> page_pool::find(text before, std::span<const std::int32_t> tokens) {
  const auto entry = known_.find({before, as_array(tokens)});
  if (entry == known_.end()) return std::nullopt;
  status& held = pages_[static_cast<std::size_t>(entry->second)];
  if (held.users++ == 0) kept_.erase(held.kept_since);
  return found{entry->second, held.name};
}

page_pool::text page_pool::remember(page which, text before, std::span<const std::int32_t> tokens) {
  const auto [entry, is_new] = known_.try_emplace({before, as_array(tokens)}, which);
  status& holder = pages_[static_cast<std::size_t>(entry->second)];
  if (is_new) {
    if (holder.name != 0) known_.erase(holder.found_by);
    holder.name = ++names_;
    holder.found_by = entry->first;
  }
  return holder.name;
}

void page_pool::forget_contents() {
  for (status& held : pages_) forget(held);
  for (const auto& [since, which] : kept_) free_.push_back(which);
  kept_.clear();
}

void page_pool::forget(status& which) {
  if (which.name == 0) return;
  known_.erase(which.found_by);
  which.name = 0;
}

}  // namespace troupe
