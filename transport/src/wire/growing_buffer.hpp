// Memory for bytes whose number was announced by somebody who may be lying.
#pragma once

#include <cstddef>
#include <span>

#include "troupe/engine/result.hpp"
#include "troupe/transport/message.hpp"

namespace troupe::wire {

/// Bytes in a row, aligned to 64, growing with what arrives: the allocation is never larger than twice the bytes that
/// are there plus the room asked for, and never larger than the announced size.
class growing_buffer {
public:
  growing_buffer() = default;
  explicit growing_buffer(std::size_t announced) : announced_(announced) {}
  growing_buffer(growing_buffer&& other) noexcept { swap(other); }
  growing_buffer& operator=(growing_buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~growing_buffer();

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t missing() const noexcept { return announced_ - size_; }

  /// Where the next `count` (at most `missing()`) bytes go. Valid until the next call.
  result<std::span<std::byte>> room(std::size_t count);
  /// The first `count` bytes of the room are there now.
  void commit(std::size_t count) noexcept { size_ += count; }
  /// Gives the bytes away; the buffer is empty afterwards. Nothing may be missing.
  blob take();

private:
  void swap(growing_buffer& other) noexcept;

  std::byte* raw_ = nullptr;  // from malloc, so that growing can move pages instead of bytes
  std::size_t shift_ = 0;     // of the first aligned byte
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t announced_ = 0;
};

}  // namespace troupe::wire
