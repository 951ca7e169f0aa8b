// CachedAttention: rows of many sessions attend to what their sessions have seen so far, kept in pages.
#pragma once

#include "kernels/node_view.hpp"
#include "troupe/engine/cache_pages.hpp"

namespace troupe {

/// Operands, by position.
namespace cached_attention_operand {
inline constexpr std::size_t qkv = 0;           ///< [n, (heads + 2 kv_heads) * head_size]: queries, keys, values
inline constexpr std::size_t positions = 1;     ///< int32 [n]; -1: a row that nobody wants, whose result is zeros
inline constexpr std::size_t sequences = 2;     ///< int32 [n]: the row of `pages` that the row's session has
inline constexpr std::size_t pages = 3;         ///< int32 [sessions, pages of a session]
inline constexpr std::size_t keys = 4;          ///< state [pages, kv_heads, 16, head_size]
inline constexpr std::size_t values = 5;        ///< the same
inline constexpr std::size_t query_norm = 6;    ///< [head_size], optional: RMS normalisation of each head
inline constexpr std::size_t key_norm = 7;      ///< [head_size], optional
inline constexpr std::size_t rotary_table = 8;  ///< bytes [positions, rotary_size / 2 * 8], optional: fp32 (cos, sin)
}  // namespace cached_attention_operand

/// What a CachedAttention computes, from its operands and attributes.
///
/// The keys and values of all rows go into the cache first. Then row i attends to positions 0 to positions[i] of its
/// session, at most `window` of them (0: all): softmax of softcap * tanh(scale * q.k / softcap), or of scale * q.k when
/// softcap is 0.
///
/// In a page the values of a head lie position by position; its keys lie in words of eight elements, the same word of
/// all sixteen positions side by side, so that lanes which take a position each read next to one another.
struct cached_attention_plan {
  std::int64_t rows = 0, heads = 0, kv_heads = 0, head_size = 0;
  std::int64_t sessions = 0, session_pages = 0, page_count = 0;
  std::int64_t rotary_size = 0;
  bool rotary_halves = true;  ///< pairs (i, i + rotary_size / 2); else neighbours
  std::int64_t window = 0;
  float scale = 1, softcap = 0, norm_epsilon = 0;

  std::int64_t positions() const noexcept { return session_pages * cache_page_positions; }
};

/// Element types are left to the caller.
result<cached_attention_plan> read_cached_attention(const node_view& view);

}  // namespace troupe
