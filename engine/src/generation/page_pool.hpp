// Which pages of the cache belong to whom, and which hold the beginning of a text that somebody may want again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "kernels/cached_attention.hpp"

namespace troupe {

/// Pages 1 to `count` - 1 of a cache; page 0 stays unused, so that an empty entry of a page table names nobody's page.
/// A page has users, or is free, or is kept: nobody uses it, but what it holds can be found by the tokens that led to
/// it, until its room is needed. Plain state; every operation takes time logarithmic in the number of pages at most.
class page_pool {
public:
  using page = std::int32_t;
  using page_tokens = std::array<std::int32_t, cache_page_positions>;
  /// Names a whole text that ends with a page. 0: the empty text. Never used twice.
  using text = std::uint64_t;

  explicit page_pool(std::int64_t count);

  /// Pages that can be taken: the free ones, and those that are only kept.
  std::size_t available() const noexcept { return free_.size() + kept_.size(); }
  std::size_t size() const noexcept { return pages_.size() - 1; }

  /// A page with one user; nothing when none is available. What has been kept longest goes first.
  std::optional<page> take();
  /// One user less.
  void release(page which);

  struct found {
    page which;
    text after;
  };
  /// The page that holds these tokens after the text `before`, with one more user.
  std::optional<found> find(text before, std::span<const std::int32_t> tokens);
  /// Says that `which` holds these tokens after `before` (and nothing that was said of it earlier), so that it can be
  /// found. The text's name either way: that of an equal page, if there is one already.
  text remember(page which, text before, std::span<const std::int32_t> tokens);

  /// Nothing that any page holds is there any more. Users keep their pages.
  void forget_contents();

private:
  using key = std::pair<text, page_tokens>;
  struct status {
    std::uint32_t users = 0;
    text name = 0;  ///< 0: cannot be found
    key found_by;
    std::uint64_t kept_since = 0;
  };
  void forget(status& which);

  std::vector<status> pages_;
  std::vector<page> free_;
  std::map<std::uint64_t, page> kept_;  ///< by the time of their last use
  std::map<key, page> known_;
  std::uint64_t clock_ = 0;
  text names_ = 0;
};

}  // namespace troupe
