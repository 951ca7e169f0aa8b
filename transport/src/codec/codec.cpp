#include "troupe/transport/codec.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>

#include "codec/quiet_kj.hpp"
#include "codec/record_codec.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

// Cap'n Proto's own bounds, see "Trust" in transport/README.md.
constexpr int nesting_max = 24 + 6 * static_cast<int>(troupe::limits::body_depth_max);
constexpr std::uint32_t segments_max = 512;
constexpr std::size_t words_slack = 64;
// Records without tensors fit in the first segment, so that their bytes do not depend on how segments grow.
constexpr unsigned first_segment_words = 1024;

using body_builder = schema::Envelope::Body::Builder;
using body_reader = schema::Envelope::Body::Reader;

/// What each kind of envelope carries.
result<void> check_kind(envelope_kind kind, const body& record) {
  const bool has_error = std::holds_alternative<error>(record);
  const bool has_nothing = std::holds_alternative<std::monostate>(record);
  bool fits = false;
  switch (kind) {
    case envelope_kind::message:
    case envelope_kind::request:
    case envelope_kind::response: fits = !has_error && !has_nothing; break;
    case envelope_kind::error:
    case envelope_kind::down: fits = has_error; break;
    case envelope_kind::monitor:
    case envelope_kind::demonitor: fits = has_nothing; break;
  }
  if (!fits)
    return fail(errc::invalid_argument, "an envelope of kind {} cannot carry {}", static_cast<int>(kind),
                name_of(record));
  return {};
}

/// Writes the alternative of a body that it is called with.
struct body_writer {
  body_builder to;
  record_writer& with;

  result<void> operator()(std::monostate) { return to.setNone(), result<void>(); }
  result<void> operator()(const error& record) { return with.write(record, to.initError()), result<void>(); }
  result<void> operator()(ok) { return to.initOk(), result<void>(); }
  result<void> operator()(node_status_request) { return to.initNodeStatusRequest(), result<void>(); }
  result<void> operator()(const load_part& record) { return write(record, to.initLoadPart(), with); }
  result<void> operator()(const part_up& record) { return write(record, to.initPartUp(), with); }
  result<void> operator()(const part_failed& record) { return write(record, to.initPartFailed(), with); }
  result<void> operator()(const unload_plan& record) { return write(record, to.initUnloadPlan(), with); }
  result<void> operator()(const step& record) { return write(record, to.initStep(), with); }
  result<void> operator()(const step_failed& record) { return write(record, to.initStepFailed(), with); }
  result<void> operator()(const cancel& record) { return write(record, to.initCancel(), with); }
  result<void> operator()(const node_status& record) { return write(record, to.initNodeStatus(), with); }
  result<void> operator()(const connect_peer& record) { return write(record, to.initConnectPeer(), with); }
  result<void> operator()(const ping& record) { return write(record, to.initPing(), with); }
  result<void> operator()(const pong& record) { return write(record, to.initPong(), with); }
  result<void> operator()(ability_request) { return to.initAbilityRequest(), result<void>(); }
  result<void> operator()(const ability& record) { return write(record, to.initAbility(), with); }
  result<void> operator()(const link_probe& record) { return write(record, to.initLinkProbe(), with); }
  result<void> operator()(const kill_part& record) { return write(record, to.initKillPart(), with); }
  result<void> operator()(const unload_part& record) { return write(record, to.initUnloadPart(), with); }
  result<void> operator()(const node_leaving& record) { return write(record, to.initNodeLeaving(), with); }
  result<void> operator()(const open_stream& record) { return write(record, to.initOpenStream(), with); }
  result<void> operator()(const stream_part& record) { return write(record, to.initStreamPart(), with); }
  result<void> operator()(const stream_ack& record) { return write(record, to.initStreamAck(), with); }
  result<void> operator()(const chunk_request& record) { return write(record, to.initChunkRequest(), with); }
  result<void> operator()(const chunk& record) { return write(record, to.initChunk(), with); }
  result<void> operator()(const part_progress& record) { return write(record, to.initPartProgress(), with); }
};

template <class Record, class Reader>
result<void> read_as(Reader from, body& into, record_reader& with) {
  return read(from, into.emplace<Record>(), with);
}

result<void> read_body(body_reader from, body& into, record_reader& with) {
  switch (from.which()) {
    case schema::Envelope::Body::NONE: into = std::monostate(); return {};
    case schema::Envelope::Body::ERROR: return with.read(from.getError(), into.emplace<error>(errc::internal, ""));
    case schema::Envelope::Body::OK: into = ok(); return {};
    case schema::Envelope::Body::NODE_STATUS_REQUEST: into = node_status_request(); return {};
    case schema::Envelope::Body::LOAD_PART: return read_as<load_part>(from.getLoadPart(), into, with);
    case schema::Envelope::Body::PART_UP: return read_as<part_up>(from.getPartUp(), into, with);
    case schema::Envelope::Body::PART_FAILED: return read_as<part_failed>(from.getPartFailed(), into, with);
    case schema::Envelope::Body::UNLOAD_PLAN: return read_as<unload_plan>(from.getUnloadPlan(), into, with);
    case schema::Envelope::Body::STEP: return read_as<step>(from.getStep(), into, with);
    case schema::Envelope::Body::STEP_FAILED: return read_as<step_failed>(from.getStepFailed(), into, with);
    case schema::Envelope::Body::CANCEL: return read_as<cancel>(from.getCancel(), into, with);
    case schema::Envelope::Body::NODE_STATUS: return read_as<node_status>(from.getNodeStatus(), into, with);
    case schema::Envelope::Body::CONNECT_PEER: return read_as<connect_peer>(from.getConnectPeer(), into, with);
    case schema::Envelope::Body::PING: return read_as<ping>(from.getPing(), into, with);
    case schema::Envelope::Body::PONG: return read_as<pong>(from.getPong(), into, with);
    case schema::Envelope::Body::ABILITY_REQUEST: into = ability_request(); return {};
    case schema::Envelope::Body::ABILITY: return read_as<ability>(from.getAbility(), into, with);
    case schema::Envelope::Body::LINK_PROBE: return read_as<link_probe>(from.getLinkProbe(), into, with);
    case schema::Envelope::Body::OPEN_STREAM: return read_as<open_stream>(from.getOpenStream(), into, with);
    case schema::Envelope::Body::STREAM_PART: return read_as<stream_part>(from.getStreamPart(), into, with);
    case schema::Envelope::Body::STREAM_ACK: return read_as<stream_ack>(from.getStreamAck(), into, with);
    case schema::Envelope::Body::KILL_PART: return read_as<kill_part>(from.getKillPart(), into, with);
    case schema::Envelope::Body::UNLOAD_PART: return read_as<unload_part>(from.getUnloadPart(), into, with);
    case schema::Envelope::Body::NODE_LEAVING: return read_as<node_leaving>(from.getNodeLeaving(), into, with);
    case schema::Envelope::Body::CHUNK_REQUEST: return read_as<chunk_request>(from.getChunkRequest(), into, with);
    case schema::Envelope::Body::CHUNK: return read_as<chunk>(from.getChunk(), into, with);
    case schema::Envelope::Body::PART_PROGRESS: return read_as<part_progress>(from.getPartProgress(), into, with);
  }
  return fail(errc::invalid_argument, "an envelope carries the unknown record {}", static_cast<int>(from.which()));
}

result<outgoing_message> encode_unguarded(const envelope& letter) {
  TROUPE_CHECK(check_kind(letter.kind, letter.body));
  capnp::MallocMessageBuilder message(first_segment_words);
  auto root = message.initRoot<schema::Envelope>();
  record_writer with;
  root.setKind(static_cast<schema::Envelope::Kind>(letter.kind));
  root.setCorrelation(letter.correlation);
  root.setTarget(letter.target);
  if (letter.sender != actor_ref()) TROUPE_CHECK(with.write(letter.sender, root.initSender()));
  TROUPE_CHECK(std::visit(body_writer{root.initBody(), with}, letter.body));

  const std::size_t bytes = capnp::computeSerializedSizeInWords(message) * sizeof(capnp::word);
  if (bytes > limits::head_bytes_max)
    return fail(errc::invalid_argument, "the head takes {} bytes without large tensors; at most {} are allowed", bytes,
                limits::head_bytes_max);
  const auto flat = std::make_shared<kj::Array<capnp::word>>(capnp::messageToFlatArray(message));
  outgoing_message made;
  made.head = {std::shared_ptr<const std::byte>(flat, reinterpret_cast<const std::byte*>(flat->begin())), bytes};
  made.attachments = with.take_attachments();
  made.lane = lane_of(letter);
  return made;
}

result<envelope> decode_unguarded(const incoming_message& message) {
  const blob& head = message.head;
  const bool aligned = reinterpret_cast<std::uintptr_t>(head.data.get()) % sizeof(capnp::word) == 0;
  if (head.size < sizeof(capnp::word) || head.size > limits::head_bytes_max || head.size % sizeof(capnp::word) != 0 ||
      !aligned)
    return fail(errc::invalid_argument, "a head of {} bytes is no Cap'n Proto message", head.size);
  // The first word counts the segments less one; some versions of the library overflow when they add that one.
  if (load<std::uint32_t>(head.bytes(), 0) >= segments_max)
    return fail(errc::invalid_argument, "a head of {} bytes announces more than {} segments", head.size, segments_max);

  const kj::ArrayPtr<const capnp::word> words(reinterpret_cast<const capnp::word*>(head.data.get()),
                                              head.size / sizeof(capnp::word));
  // Every part of a record is read once, some pointers twice: what needs more goes round in circles.
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 2 * words.size() + words_slack;
  options.nestingLimit = nesting_max;
  capnp::FlatArrayMessageReader reader(words, options);
  if (reader.getEnd() != words.end())
    return fail(errc::invalid_argument, "a head of {} bytes holds a shorter message", head.size);

  const auto root = reader.getRoot<schema::Envelope>();
  const auto kind = static_cast<std::uint16_t>(root.getKind());
  if (kind > static_cast<std::uint16_t>(envelope_kind::demonitor))
    return fail(errc::invalid_argument, "an envelope is of the unknown kind {}", kind);
  envelope letter;
  record_reader with(message);
  letter.kind = static_cast<envelope_kind>(kind);
  letter.correlation = root.getCorrelation();
  letter.target = root.getTarget();
  TROUPE_CHECK(with.read(root.getSender(), letter.sender));
  TROUPE_CHECK(read_body(root.getBody(), letter.body, with));
  TROUPE_CHECK(check_kind(letter.kind, letter.body));
  return letter;
}

}  // namespace

result<outgoing_message> encode(const envelope& letter) {
  return contain_kj(errc::internal, [&] { return encode_unguarded(letter); })
      .while_doing(fmt::format("encoding {}", name_of(letter.body)));
}

result<envelope> decode(const incoming_message& message) {
  return contain_kj(errc::invalid_argument, [&] { return decode_unguarded(message); })
      .while_doing("decoding a message");
}

}  // namespace troupe::wire
