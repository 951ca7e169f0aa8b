#include "wire/growing_buffer.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t alignment = 64;

std::size_t shift_of(const std::byte* raw) {
  return (alignment - reinterpret_cast<std::uintptr_t>(raw) % alignment) % alignment;
}

}  // namespace

growing_buffer::~growing_buffer() {
  std::free(raw_);
}

void growing_buffer::swap(growing_buffer& other) noexcept {
  std::swap(raw_, other.raw_);
  std::swap(shift_, other.shift_);
  std::swap(capacity_, other.capacity_);
  std::swap(size_, other.size_);
  std::swap(announced_, other.announced_);
}

result<std::span<std::byte>> growing_buffer::room(std::size_t count) {
  assert(count <= missing());
  if (size_ + count > capacity_) {
    const std::size_t wanted = std::max(size_ + count, std::min(2 * size_, announced_));
    auto* moved = static_cast<std::byte*>(std::realloc(raw_, wanted + alignment));
    if (!moved) return fail(errc::out_of_memory, "the host has no {} bytes for a message that is arriving", wanted);
    // The bytes moved with the allocation; the first aligned one may now be another.
    const std::size_t shift = shift_of(moved);
    if (shift != shift_ && size_ > 0) std::memmove(moved + shift, moved + shift_, size_);
    raw_ = moved;
    shift_ = shift;
    capacity_ = wanted;
  }
  return std::span<std::byte>(raw_ + shift_ + size_, count);
}

blob growing_buffer::take() {
  assert(missing() == 0 && size_ > 0);
  const std::shared_ptr<std::byte> owner(raw_, [](std::byte* raw) { std::free(raw); });
  blob taken{std::shared_ptr<const std::byte>(owner, raw_ + shift_), size_};
  raw_ = nullptr;
  *this = growing_buffer();
  return taken;
}

}  // namespace troupe::wire
