#include "wire/outbox.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "troupe/transport/limits.hpp"
#include "wire/admission.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

// Fewer than the 1024 pieces that one system call takes; a frame of very small attachments is cut short instead.
constexpr std::size_t pieces_max = 512;

}  // namespace

std::span<const std::byte> outbox::entry::bytes_of(std::size_t index) const {
  if (index == 0) return prologue;
  if (index == 1) return message.head.bytes();
  return message.attachments[index - 2].bytes();
}

result<void> outbox::push(outgoing_message message) {
  TROUPE_CHECK(check_message(message));
  queue& to = lanes_[index(message.lane)];
  const std::size_t bytes = message.byte_size();
  TROUPE_CHECK(check_queue(message.lane, to.bytes, to.entries.size(), bytes));

  entry added;
  append<std::uint32_t>(added.prologue, static_cast<std::uint32_t>(message.head.size));
  append<std::uint32_t>(added.prologue, static_cast<std::uint32_t>(message.attachments.size()));
  for (const blob& part : message.attachments) append<std::uint64_t>(added.prologue, part.size);
  added.left = added.prologue.size() + bytes;
  added.message = std::move(message);
  to.entries.push_back(std::move(added));
  to.bytes += bytes;
  return {};
}

void outbox::push_hello(std::vector<std::byte> payload) {
  short_frames_.push_back({frame_type::hello, std::move(payload)});
}

void outbox::push_goodbye(std::vector<std::byte> payload) {
  short_frames_.push_back({frame_type::goodbye, std::move(payload)});
}

void outbox::push_heartbeat(std::uint64_t arrived) {
  std::vector<std::byte> payload;
  append(payload, arrived);
  if (heartbeat_waits_) {
    for (short_frame& waiting : short_frames_)
      if (waiting.type == frame_type::heartbeat) waiting.payload = payload;
    return;
  }
  heartbeat_waits_ = true;
  short_frames_.push_back({frame_type::heartbeat, std::move(payload)});
}

bool outbox::empty() const noexcept {
  return !inside_frame() && short_frames_.empty() &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const queue& q) { return q.entries.empty(); });
}

std::size_t outbox::waiting_bytes() const noexcept {
  std::size_t total = 0;
  for (const queue& each : lanes_) total += each.bytes;
  return total;
}

std::span<const std::span<const std::byte>> outbox::next() {
  if (!inside_frame()) build_frame();
  return std::span(pieces_).subspan(first_piece_);
}

void outbox::sent(std::size_t count) {
  sent_bytes_ += count;
  while (count > 0) {
    auto& piece = pieces_[first_piece_];
    const std::size_t taken = std::min(count, piece.size());
    piece = piece.subspan(taken);
    count -= taken;
    if (piece.empty()) ++first_piece_;
  }
  if (inside_frame() || !sending_) return;
  // A whole data frame is gone; with the last one its message.
  queue& from = lanes_[index(*std::exchange(sending_, std::nullopt))];
  entry& front = from.entries.front();
  if (front.left > 0) return;
  from.bytes -= front.message.byte_size();
  from.entries.pop_front();
}

void outbox::build_frame() {
  pieces_.clear();
  first_piece_ = 0;
  header_.resize(frame_header_bytes);
  if (!short_frames_.empty()) {
    build_short_frame();
  } else {
    for (const lane each : {lane::control, lane::bulk, lane::background})
      if (!lanes_[index(each)].entries.empty()) return build_data_frame(each);
  }
}

void outbox::build_short_frame() {
  short_frame frame = std::move(short_frames_.front());
  short_frames_.pop_front();
  if (frame.type == frame_type::heartbeat) heartbeat_waits_ = false;
  short_payload_ = std::move(frame.payload);
  pieces_.emplace_back(header_);
  if (!short_payload_.empty()) pieces_.emplace_back(short_payload_);
  seal({.type = frame.type, .length = static_cast<std::uint32_t>(short_payload_.size())});
}

void outbox::build_data_frame(lane from) {
  entry& front = lanes_[index(from)].entries.front();
  frame_header header{.type = frame_type::data, .opens_message = front.piece == 0 && front.offset == 0, .lane = from};
  pieces_.emplace_back(header_);
  std::size_t room = frame_payload_max;
  while (room > 0 && front.left > 0 && pieces_.size() < pieces_max) {
    const auto piece = front.bytes_of(front.piece).subspan(front.offset);
    const std::size_t taken = std::min(room, piece.size());
    pieces_.push_back(piece.first(taken));
    room -= taken;
    front.left -= taken;
    front.offset += taken;
    if (taken == piece.size()) {
      ++front.piece;
      front.offset = 0;
    }
  }
  header.length = static_cast<std::uint32_t>(frame_payload_max - room);
  sending_ = from;
  seal(header);
}

void outbox::seal(frame_header header) {
  header.sequence = sequence_++;
  header.payload_checksum = checksum(std::span<const std::span<const std::byte>>(pieces_).subspan(1));
  const auto raw = encode_header(header);
  std::copy(raw.begin(), raw.end(), header_.begin());
}

}  // namespace troupe::wire
