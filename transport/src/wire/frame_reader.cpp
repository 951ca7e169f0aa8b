#include "wire/frame_reader.hpp"

#include <algorithm>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {

// Nobody who has not greeted makes us hold more than this.
frame_reader::frame_reader()
    : input_(frame_header_bytes + limits::greeting_bytes_max),
      lanes_{message_assembler(lane::control), message_assembler(lane::bulk),
             message_assembler(lane::background)} {}

std::span<std::byte> frame_reader::space() {
  if (!direct_.empty()) return direct_.subspan(direct_filled_);
  if (begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, buffered());
    end_ -= begin_;
    begin_ = 0;
  }
  if (greeting_) return std::span(input_).subspan(end_);
  const std::size_t missing = frame_ ? frame_->length - buffered() : 0;
  const std::size_t wanted = std::max(missing, limits::receive_chunk_bytes);
  if (input_.size() < end_ + wanted) input_.resize(end_ + wanted);
  return std::span(input_).subspan(end_, wanted);
}

result<void> frame_reader::received(std::size_t count, sink& target) {
  received_bytes_ += count;
  if (direct_.empty()) {
    end_ += count;
  } else {
    direct_filled_ += count;
  }
  for (bool more = true; more;) {
    if (!frame_) {
      TROUPE_TRY(more, read_header());
    } else {
      TROUPE_TRY(more, read_payload(target));
    }
  }
  return {};
}

result<bool> frame_reader::read_header() {
  if (greeting_ && greeted_) return false;  // what follows the greeting waits for `finish_greeting`
  if (buffered() < frame_header_bytes) {
    // Whoever speaks another protocol is known by its first bytes; they may be all that comes.
    TROUPE_CHECK(check_magic(input(buffered())));
    return false;
  }
  TROUPE_TRY(const frame_header header,
             decode_header(input(frame_header_bytes).first<frame_header_bytes>(), greeting_));
  if (header.sequence != sequence_)
    return fail(errc::invalid_argument, "frame {} arrives where frame {} is expected", header.sequence, sequence_);
  const bool is_greeting = header.type == frame_type::hello || header.type == frame_type::goodbye;
  if (greeting_ ? !is_greeting : header.type == frame_type::hello)
    return fail(errc::invalid_argument, "a frame of type {} arrives {} the greeting", static_cast<int>(header.type),
                greeting_ ? "before" : "after");
  ++sequence_;
  begin_ += frame_header_bytes;
  frame_ = header;

  if (header.type != frame_type::data || header.opens_message || buffered() >= header.length) return true;
  TROUPE_TRY(direct_, lane_of_frame().direct_room(header.length));
  if (!direct_.empty()) {
    direct_filled_ = buffered();
    std::memcpy(direct_.data(), input_.data() + begin_, direct_filled_);
    begin_ = end_ = 0;
  }
  return true;
}

result<bool> frame_reader::read_payload(sink& target) {
  if (!direct_.empty()) {
    if (direct_filled_ < direct_.size()) return false;
    TROUPE_CHECK(check_payload(*frame_, direct_));
    lane_of_frame().commit(direct_.size());
    direct_ = {};
    TROUPE_CHECK(deliver(target));
  } else {
    if (buffered() < frame_->length) return false;
    const auto payload = input(frame_->length);
    TROUPE_CHECK(check_payload(*frame_, payload));
    TROUPE_CHECK(dispatch(payload, target));
    begin_ += frame_->length;
  }
  frame_.reset();
  return true;
}

result<void> frame_reader::dispatch(std::span<const std::byte> payload, sink& target) {
  switch (frame_->type) {
    case frame_type::heartbeat: target.on_heartbeat(load<std::uint64_t>(payload, 0)); return {};
    case frame_type::hello: greeted_ = true; return target.on_hello(payload);
    case frame_type::goodbye: return target.on_goodbye(payload);
    case frame_type::data: break;
  }
  auto& assembler = lane_of_frame();
  TROUPE_CHECK(frame_->opens_message ? assembler.open(payload) : assembler.append(payload));
  return deliver(target);
}

result<void> frame_reader::deliver(sink& target) {
  if (!lane_of_frame().complete()) return {};
  return target.on_message(lane_of_frame().take());
}

}  // namespace troupe::wire
