// Records of streams of tokens.
#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/record_codec.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t name_max = limits::short_text_bytes_max;

capnp::Data::Reader as_data(const std::string& text) {
  return {reinterpret_cast<const kj::byte*>(text.data()), text.size()};
}

result<std::string> read_bytes(capnp::Data::Reader from, std::size_t bytes_max, std::string_view what,
                               record_reader& with) {
  return with.text({reinterpret_cast<const char*>(from.begin()), from.size()}, bytes_max, what);
}

result<void> check_id(const node_id& id) {
  if (id) return {};
  return fail(errc::invalid_argument, "a stream has the id 0, which names none");
}

result<void> check_tokens(const std::vector<token_id>& tokens, std::size_t most) {
  if (tokens.size() > most)
    return fail(errc::invalid_argument, "a list of {} tokens is sent; at most {} are allowed", tokens.size(), most);
  const auto negative = std::find_if(tokens.begin(), tokens.end(), [](token_id token) { return token < 0; });
  if (negative != tokens.end()) return fail(errc::invalid_argument, "the token {} is negative", *negative);
  return {};
}

result<void> check(const sampling_options& sampling) {
  for (const double number : {sampling.temperature, sampling.top_p, sampling.min_p, sampling.repetition_penalty,
                              sampling.frequency_penalty, sampling.presence_penalty})
    if (!std::isfinite(number))
      return fail(errc::invalid_argument, "a stream is asked for with the sampling parameter {}", number);
  return {};
}

/// What a record must not hold in either direction.
result<void> check(const stream_request& request) {
  TROUPE_CHECK(check_tokens(request.tokens, limits::stream_tokens_max));
  TROUPE_CHECK(check(request.sampling));
  TROUPE_CHECK(record_writer::check_text(request.text, limits::stream_text_bytes_max, "the prompt of a stream"));
  TROUPE_CHECK(record_writer::check_text(request.system, limits::stream_text_bytes_max, "the system's message"));
  TROUPE_CHECK(record_writer::check_text(request.layout, name_max, "the name of a chat template"));
  if (request.stops.size() > limits::stop_strings_max)
    return fail(errc::invalid_argument, "a stream has {} stop strings; at most {} are allowed", request.stops.size(),
                limits::stop_strings_max);
  for (const std::string& stop : request.stops)
    TROUPE_CHECK(record_writer::check_text(stop, limits::stop_bytes_max, "a stop string"));
  if (request.tokens_max == 0) return fail(errc::invalid_argument, "a stream of 0 tokens is asked for");
  const auto deadline = request.deadline.count();
  if (deadline < 1 || deadline > std::numeric_limits<std::uint32_t>::max())
    return fail(errc::invalid_argument, "a stream has a deadline of {} ms; 1 to {} are possible", deadline,
                std::numeric_limits<std::uint32_t>::max());
  return {};
}

result<void> check(const stream_part& record) {
  TROUPE_CHECK(check_id(record.id));
  TROUPE_CHECK(check_tokens(record.tokens, limits::stream_part_tokens_max));
  TROUPE_CHECK(record_writer::check_text(record.text, limits::stream_part_bytes_max, "the text of a part of a stream"));
  if (record.finished > stream_finish_last)
    return fail(errc::invalid_argument, "a stream ends in the unknown way {}", static_cast<int>(record.finished));
  if (record.tokens.size() > std::numeric_limits<std::uint32_t>::max() - record.first)
    return fail(errc::invalid_argument, "a part of a stream begins with the token {}, which leaves no numbers",
                record.first);
  return {};
}

void write_tokens(const std::vector<token_id>& tokens, capnp::List<std::int32_t>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, tokens[i]);
}

result<std::vector<token_id>> read_tokens(capnp::List<std::int32_t>::Reader from, record_reader& with) {
  TROUPE_CHECK(with.charge(from.size(), sizeof(token_id)));
  std::vector<token_id> tokens;
  tokens.reserve(from.size());
  for (const token_id token : from) tokens.push_back(token);
  return tokens;
}

void write_sampling(const sampling_options& from, schema::Sampling::Builder to) {
  to.setTemperature(from.temperature);
  to.setTopK(from.top_k);
  to.setTopP(from.top_p);
  to.setMinP(from.min_p);
  to.setRepetitionPenalty(from.repetition_penalty);
  to.setFrequencyPenalty(from.frequency_penalty);
  to.setPresencePenalty(from.presence_penalty);
  to.setPenaltyWindow(from.penalty_window);
  to.setSeed(from.seed);
}

sampling_options read_sampling(schema::Sampling::Reader from) {
  sampling_options made;
  made.temperature = from.getTemperature();
  made.top_k = from.getTopK();
  made.top_p = from.getTopP();
  made.min_p = from.getMinP();
  made.repetition_penalty = from.getRepetitionPenalty();
  made.frequency_penalty = from.getFrequencyPenalty();
  made.presence_penalty = from.getPresencePenalty();
  made.penalty_window = from.getPenaltyWindow();
  made.seed = from.getSeed();
  return made;
}

result<void> write_request(const stream_request& request, schema::StreamRequest::Builder to) {
  TROUPE_CHECK(check(request));
  write_tokens(request.tokens, to.initTokens(static_cast<unsigned>(request.tokens.size())));
  to.setText(as_data(request.text));
  to.setLayout(request.layout);
  to.setSystem(as_data(request.system));
  to.setAddSpecial(request.add_special);
  to.setIgnoreEnd(request.ignore_end);
  to.setTokensMax(request.tokens_max);
  write_sampling(request.sampling, to.initSampling());
  auto stops = to.initStops(static_cast<unsigned>(request.stops.size()));
  for (unsigned i = 0; i < stops.size(); ++i) stops.set(i, as_data(request.stops[i]));
  to.setDeadlineMs(static_cast<std::uint32_t>(request.deadline.count()));
  return {};
}

result<void> read_request(schema::StreamRequest::Reader from, stream_request& into, record_reader& with) {
  TROUPE_TRY(into.tokens, read_tokens(from.getTokens(), with));
  TROUPE_TRY(into.text, read_bytes(from.getText(), limits::stream_text_bytes_max, "the prompt of a stream", with));
  TROUPE_TRY(into.layout, with.text(from.getLayout(), name_max, "the name of a chat template"));
  TROUPE_TRY(into.system, read_bytes(from.getSystem(), limits::stream_text_bytes_max, "the system's message", with));
  into.add_special = from.getAddSpecial();
  into.ignore_end = from.getIgnoreEnd();
  into.tokens_max = from.getTokensMax();
  into.sampling = read_sampling(from.getSampling());
  const auto stops = from.getStops();
  TROUPE_CHECK(with.charge(stops.size(), sizeof(std::string)));
  into.stops.clear();
  for (const auto stop : stops) {
    TROUPE_TRY(std::string text, read_bytes(stop, limits::stop_bytes_max, "a stop string", with));
    into.stops.push_back(std::move(text));
  }
  into.deadline = std::chrono::milliseconds(from.getDeadlineMs());
  return check(into);
}

}  // namespace

result<void> write(const open_stream& record, schema::OpenStream::Builder to, record_writer&) {
  TROUPE_CHECK(check_id(record.id));
  to.setIdHigh(record.id.high);
  to.setIdLow(record.id.low);
  to.setNextIndex(record.next_index);
  to.setFingerprint(record.fingerprint);
  return write_request(record.request, to.initRequest());
}

result<void> read(schema::OpenStream::Reader from, open_stream& into, record_reader& with) {
  into.id = {from.getIdHigh(), from.getIdLow()};
  TROUPE_CHECK(check_id(into.id));
  into.next_index = from.getNextIndex();
  into.fingerprint = from.getFingerprint();
  return read_request(from.getRequest(), into.request, with);
}

result<void> write(const stream_part& record, schema::StreamPart::Builder to, record_writer& with) {
  TROUPE_CHECK(check(record));
  to.setIdHigh(record.id.high);
  to.setIdLow(record.id.low);
  to.setFirst(record.first);
  write_tokens(record.tokens, to.initTokens(static_cast<unsigned>(record.tokens.size())));
  to.setText(as_data(record.text));
  to.setFingerprint(record.fingerprint);
  to.setPromptTokens(record.prompt_tokens);
  to.setDurable(record.durable);
  to.setFinished(static_cast<std::uint8_t>(record.finished));
  if (record.finished == stream_finish::failed) with.write(record.failure, to.initFailure());
  to.setRetryAfterMs(record.retry_after_ms);
  return {};
}

result<void> read(schema::StreamPart::Reader from, stream_part& into, record_reader& with) {
  into.id = {from.getIdHigh(), from.getIdLow()};
  into.first = from.getFirst();
  TROUPE_TRY(into.tokens, read_tokens(from.getTokens(), with));
  TROUPE_TRY(into.text, read_bytes(from.getText(), limits::stream_part_bytes_max, "the text of a stream", with));
  into.fingerprint = from.getFingerprint();
  into.prompt_tokens = from.getPromptTokens();
  into.durable = from.getDurable();
  into.finished = static_cast<stream_finish>(from.getFinished());
  if (into.finished == stream_finish::failed) TROUPE_CHECK(with.read(from.getFailure(), into.failure));
  into.retry_after_ms = from.getRetryAfterMs();
  return check(into);
}

result<void> write(const stream_ack& record, schema::StreamAck::Builder to, record_writer&) {
  TROUPE_CHECK(check_id(record.id));
  to.setIdHigh(record.id.high);
  to.setIdLow(record.id.low);
  to.setReceived(record.received);
  to.setCancel(record.cancel);
  return {};
}

result<void> read(schema::StreamAck::Reader from, stream_ack& into, record_reader&) {
  into.id = {from.getIdHigh(), from.getIdLow()};
  into.received = from.getReceived();
  into.cancel = from.getCancel();
  return check_id(into.id);
}

}  // namespace troupe::wire
