#include "token_log.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "crc32c.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/codec.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

constexpr std::string_view magic = "TRPSLOG1";
constexpr std::size_t header_bytes = magic.size() + 32 + 4;
/// Length and checksum of a record.
constexpr std::size_t frame_bytes = 8;
constexpr std::size_t record_bytes_max = std::size_t{32} << 20;
/// A log is tidied when it is this much larger than twice what it held.
constexpr std::size_t tidy_slack_bytes = std::size_t{4} << 20;

enum class record_kind : std::uint8_t { accepted = 1, token = 2, ended = 3 };

template <class T>
void put_value(std::vector<std::byte>& to, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* raw = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), raw, raw + sizeof value);
}

/// Takes values from the front of a record; after the end everything is zero and `sound` false.
struct body_reader {
  std::span<const std::byte> left;
  bool sound = true;

  template <class T>
  T take() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    sound = sound && left.size() >= sizeof value;
    if (!sound) return value;
    std::memcpy(&value, left.data(), sizeof value);
    left = left.subspan(sizeof value);
    return value;
  }
};

void frame(std::vector<std::byte>& to, std::span<const std::byte> body) {
  put_value(to, static_cast<std::uint32_t>(body.size()));
  put_value(to, crc32c(body));
  to.insert(to.end(), body.begin(), body.end());
}

result<std::vector<std::byte>> accepted_body(stream_number which, const logged_stream& stream) {
  TROUPE_TRY(const auto sent, wire::encode({.kind = wire::envelope_kind::message,
                                            .correlation = 0,
                                            .target = 0,
                                            .sender = {},
                                            .body = wire::open_stream{stream.id, 0, 0, stream.request}}));
  std::vector<std::byte> body;
  put_value(body, record_kind::accepted);
  put_value(body, which);
  put_value(body, stream.owner.bytes);
  body.insert(body.end(), sent.head.bytes().begin(), sent.head.bytes().end());
  return body;
}

std::vector<std::byte> token_body(stream_number which, std::uint32_t index, token_id token, std::uint64_t print) {
  std::vector<std::byte> body;
  put_value(body, record_kind::token);
  put_value(body, which);
  put_value(body, index);
  put_value(body, token);
  put_value(body, print);
  return body;
}

std::vector<std::byte> ended_body(stream_number which, const logged_stream& stream) {
  std::vector<std::byte> body;
  put_value(body, record_kind::ended);
  put_value(body, which);
  put_value(body, stream.finished);
  put_value(body, stream.failure_code);
  const auto text = std::as_bytes(std::span(stream.failure));
  body.insert(body.end(), text.begin(),
              text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), limits::error_text_bytes_max)));
  return body;
}

/// What the records so far have told; each `take` is false for a record that cannot follow them.
class log_replay {
public:
  explicit log_replay(const fingerprint_chain& prints) : prints_(prints) {}

  bool take(std::span<const std::byte> record) {
    body_reader body{record};
    const auto kind = body.take<record_kind>();
    const auto which = body.take<stream_number>();
    if (!body.sound) return false;
    switch (kind) {
      case record_kind::accepted: return take_accepted(which, body);
      case record_kind::token: return take_token(which, body);
      case record_kind::ended: return take_ended(which, body);
    }
    return false;
  }

  std::map<stream_number, logged_stream> streams;

private:
  bool take_accepted(stream_number which, body_reader& body) {
    logged_stream made;
    made.owner.bytes = body.take<std::array<std::byte, 32>>();
    if (!body.sound || streams.contains(which)) return false;
    // Cap'n Proto reads words where they lie.
    const auto words = std::make_shared<std::vector<std::uint64_t>>((body.left.size() + 7) / 8);
    if (!body.left.empty()) std::memcpy(words->data(), body.left.data(), body.left.size());
    const auto* raw = reinterpret_cast<const std::byte*>(words->data());
    auto letter =
        wire::decode({{std::shared_ptr<const std::byte>(words, raw), body.left.size()}, {}, wire::lane::bulk});
    auto* asked = letter ? std::get_if<wire::open_stream>(&letter->body) : nullptr;
    if (!asked || asked->request.tokens.empty()) return false;
    made.id = asked->id;
    made.request = std::move(asked->request);
    const auto print = prints_.begin(made.request.tokens);
    if (!print) return false;
    // An id begins anew when its stream has ended and was forgotten.
    if (const auto [known, fresh] = numbers_.try_emplace(made.id, which); !fresh) {
      const auto earlier = streams.find(known->second);
      if (earlier->second.finished == stream_finish::none) return false;
      prints_by_number_.erase(earlier->first);
      streams.erase(earlier);
      known->second = which;
    }
    prints_by_number_[which] = *print;
    streams.emplace(which, std::move(made));
    return true;
  }

  bool take_token(stream_number which, body_reader& body) {
    const auto index = body.take<std::uint32_t>();
    const auto token = body.take<token_id>();
    const auto print = body.take<std::uint64_t>();
    const auto found = streams.find(which);
    if (!body.sound || !body.left.empty() || found == streams.end()) return false;
    logged_stream& stream = found->second;
    if (stream.finished != stream_finish::none || index != stream.tokens.size() || token < 0 ||
        index >= stream.request.tokens_max)
      return false;
    const auto expected = prints_.next(prints_by_number_[which], token);
    if (!expected || *expected != print) return false;
    prints_by_number_[which] = print;
    stream.tokens.push_back(token);
    return true;
  }

  bool take_ended(stream_number which, body_reader& body) {
    const auto finished = body.take<stream_finish>();
    const auto code = body.take<errc>();
    const auto found = streams.find(which);
    if (!body.sound || found == streams.end() || found->second.finished != stream_finish::none) return false;
    if (finished == stream_finish::none || finished > stream_finish_last || code < errc::invalid_argument ||
        code > errc::state_lost || body.left.size() > limits::error_text_bytes_max)
      return false;
    found->second.finished = finished;
    found->second.failure_code = code;
    found->second.failure.assign(reinterpret_cast<const char*>(body.left.data()), body.left.size());
    return true;
  }

  const fingerprint_chain& prints_;
  std::map<stream_number, std::uint64_t> prints_by_number_;
  std::map<wire::node_id, stream_number> numbers_;  ///< of the streams, by id
};

std::vector<std::byte> header(const content_hash& model) {
  std::vector<std::byte> made;
  const auto text = std::as_bytes(std::span(magic));
  made.insert(made.end(), text.begin(), text.end());
  put_value(made, model.bytes);
  put_value(made, crc32c(made));
  return made;
}

}  // namespace

result<log_contents> read_log(std::span<const std::byte> bytes, const fingerprint_chain& prints) {
  log_contents made;
  if (bytes.empty()) return made;
  const std::size_t shown = std::min(bytes.size(), magic.size());
  if (std::memcmp(bytes.data(), magic.data(), shown) != 0)
    return fail(errc::invalid_argument, "the file streams.log is no log of streams; move it away");
  made.bytes_dropped = bytes.size();
  if (bytes.size() < header_bytes) return made;
  body_reader checksum{bytes.subspan(header_bytes - 4)};
  if (checksum.take<std::uint32_t>() != crc32c(bytes.first(header_bytes - 4))) return made;
  if (std::memcmp(bytes.data() + magic.size(), prints.model().bytes.data(), prints.model().bytes.size()) != 0)
    return fail(
        errc::invalid_argument,
        "the log streams.log belongs to another model or another way to store it; use another folder, or delete "
        "the log and with it the streams that it could go on with");

  log_replay replay(prints);
  std::size_t at = header_bytes;
  while (bytes.size() - at >= frame_bytes) {
    body_reader head{bytes.subspan(at)};
    const auto length = head.take<std::uint32_t>();
    const auto sum = head.take<std::uint32_t>();
    if (length > record_bytes_max || length > head.left.size()) break;
    const auto body = head.left.first(length);
    if (crc32c(body) != sum || !replay.take(body)) break;
    at += frame_bytes + length;
  }
  made.streams = std::move(replay.streams);
  made.bytes_used = at;
  made.bytes_dropped = bytes.size() - at;
  return made;
}

result<std::vector<std::byte>> write_log(const std::map<stream_number, logged_stream>& streams,
                                         const fingerprint_chain& prints) {
  std::vector<std::byte> made = header(prints.model());
  for (const auto& [number, stream] : streams) {
    TROUPE_TRY(const auto accepted, accepted_body(number, stream));
    frame(made, accepted);
    TROUPE_TRY(std::uint64_t print, prints.begin(stream.request.tokens));
    for (std::uint32_t i = 0; i < stream.tokens.size(); ++i) {
      TROUPE_TRY(print, prints.next(print, stream.tokens[i]));
      frame(made, token_body(number, i, stream.tokens[i], print));
    }
    if (stream.finished != stream_finish::none) frame(made, ended_body(number, stream));
  }
  return made;
}

result<token_log::opened> token_log::open(std::unique_ptr<log_disk> disk, const fingerprint_chain& prints) {
  TROUPE_TRY(const auto bytes, disk->read(log_bytes_max));
  opened made;
  TROUPE_TRY(made.contents, read_log(bytes, prints));
  made.log.disk_ = std::move(disk);
  made.log.tidy(made.contents.streams, prints);
  if (made.log.failure_) return *made.log.failure_;
  return made;
}

void token_log::accept(stream_number which, const logged_stream& stream) {
  if (!durable()) return;
  auto body = accepted_body(which, stream);
  if (!body) return give_up(std::move(body).error());
  put(*body);
  wants_sync_ = true;
}

void token_log::add(stream_number which, std::uint32_t index, token_id token, std::uint64_t fingerprint) {
  if (durable()) put(token_body(which, index, token, fingerprint));
}

void token_log::end(stream_number which, const logged_stream& stream) {
  if (durable()) put(ended_body(which, stream));
}

void token_log::flush() {
  if (!durable() || gathered_.empty()) return;
  // A larger log could not be read any more.
  if (gathered_.size() > log_bytes_max - bytes_)
    return give_up(fail(errc::unavailable, "the log would take {} bytes, and {} are the limit",
                        bytes_ + gathered_.size(), log_bytes_max));
  auto done = file_->append(gathered_);
  if (done && wants_sync_) done = file_->sync();
  if (!done) return give_up(std::move(done).error());
  bytes_ += gathered_.size();
  gathered_.clear();
  wants_sync_ = false;
}

void token_log::tidy(const std::map<stream_number, logged_stream>& streams, const fingerprint_chain& prints) {
  auto contents = write_log(streams, prints);
  if (!contents) return give_up(std::move(contents).error());
  if (contents->size() > log_bytes_max / 2)
    return give_up(fail(errc::unavailable, "the streams take {} bytes of log, and {} are the limit", contents->size(),
                        log_bytes_max / 2));
  auto file = disk_->replace(*contents);
  if (!file) return give_up(std::move(file).error());
  file_ = std::move(file).value();
  gathered_.clear();
  wants_sync_ = false;
  bytes_ = contents->size();
  tidy_at_ = std::min(2 * bytes_ + tidy_slack_bytes, log_bytes_max - tidy_slack_bytes);
}

void token_log::put(std::span<const std::byte> body) {
  frame(gathered_, body);
}

void token_log::give_up(error why) {
  file_.reset();
  gathered_.clear();
  if (!failure_) failure_ = std::move(why);
}

}  // namespace troupe
