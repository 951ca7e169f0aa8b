// Every maximum and every bound in time of the transport in one place, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe::limits {

/// Bytes of one frame with its header. At 1 Gbit/s a frame lasts 2 ms: so long may a control message wait behind data
/// that is already on its way.
inline constexpr std::size_t frame_bytes_max = std::size_t{256} << 10;
/// Bytes of one message, head and attachments. Weights travel in chunks of 4 MiB; a
/// tensor inside a node, or an activation, travels whole.
inline constexpr std::size_t message_bytes_max = std::size_t{1} << 30;
/// Bytes of a message's head (its Cap'n Proto record). A graph of 30,000 nodes takes about 6 MiB; tensors of more than
/// `inline_tensor_bytes_max` are attachments and do not count.
inline constexpr std::size_t head_bytes_max = std::size_t{16} << 20;
/// Attachments of one message: the list of their sizes has to fit in the first frame with room to spare.
inline constexpr std::size_t attachments_max = 16'384;
/// Bytes of one message of the control lane. It goes first, so it must be short.
inline constexpr std::size_t control_message_bytes_max = std::size_t{1} << 20;
/// A tensor's data up to this many bytes lies in the head: a copy of 4 KiB costs less than an attachment.
inline constexpr std::size_t inline_tensor_bytes_max = 4096;
/// Bytes of a frame before both sides have greeted each other: whoever connects may be anyone.
inline constexpr std::size_t greeting_bytes_max = 1024;
/// Bytes that one receive call may take into the buffer for headers and short messages; see `frame_reader`.
inline constexpr std::size_t receive_chunk_bytes = std::size_t{16} << 10;

/// Bytes that wait in a link's bulk lane, and in its background lane; more is refused with `unavailable`, so that a
/// slow peer slows its senders down instead of filling memory. One message of any allowed size is accepted when nothing
/// waits.
inline constexpr std::size_t send_queue_bytes_max = std::size_t{64} << 20;
/// The same for the control lane, apart, so that a full bulk lane never holds up control.
inline constexpr std::size_t control_queue_bytes_max = std::size_t{4} << 20;
/// Messages that wait in one lane: bounds the bookkeeping of very many small ones.
inline constexpr std::size_t send_queue_messages_max = 65'536;
/// The thread that sends to an idle link writes so many bytes itself, to the end of a frame: it saves a thread switch, or
/// has the message on its way while the link's thread wakes up for the rest.
inline constexpr std::size_t direct_write_bytes_max = std::size_t{64} << 10;

/// Connections of one listener that have not greeted yet. When one more arrives, the oldest is closed: an honest peer
/// greets at once, a silent one is no loss.
inline constexpr std::size_t connections_greeting_max = 32;
/// Links that one listener keeps alive at a time: each has a thread, and no LAN cluster we aim at has more nodes.
inline constexpr std::size_t links_max = 256;
/// From a TCP connection to the end of the greeting.
inline constexpr std::chrono::milliseconds handshake_time_max{3000};
/// After `close()`: what waits may still go out for so long, then the connection ends.
inline constexpr std::chrono::milliseconds close_drain_time_max{250};
/// A peer that lives but takes no byte while some wait is lost after this time: its buffers are full and it does not
/// read.
inline constexpr std::chrono::milliseconds write_stall_time_max{10'000};

/// Bounds of what a peer may propose as heartbeat interval and time until death.
inline constexpr std::chrono::milliseconds heartbeat_min{10};
inline constexpr std::chrono::milliseconds heartbeat_max{60'000};
inline constexpr std::chrono::milliseconds dead_max{600'000};

/// Bytes of a node's name and of an address in a greeting or a record.
inline constexpr std::size_t node_name_bytes_max = 64;
inline constexpr std::size_t address_bytes_max = 255;

/// Machines that one machine is paired with, and addresses kept for each.
inline constexpr std::size_t trusted_peers_max = 1024;
inline constexpr std::size_t peer_addresses_max = 16;

/// Bytes of an error's message and of each entry of its trail on the wire; longer ones are cut, so that an error can
/// always be sent.
inline constexpr std::size_t error_text_bytes_max = 8192;
inline constexpr std::size_t error_trail_max = 32;
/// Bytes of other short texts in records: names of devices, actors, states, selectors.
inline constexpr std::size_t short_text_bytes_max = 1024;
/// Depth of a reported supervision tree; supervisors nest four or five deep.
inline constexpr std::size_t tree_depth_max = 24;
/// Hops of a route, as many as a plan may have stages or slices, and the aggregator.
inline constexpr std::size_t route_hops_max = 257;
/// Tensors that one step carries: a cut passes as many values as cross it.
inline constexpr std::size_t step_tensors_max = 4096;
/// Bytes of a probe of a link: enough to fill a fast one for a while.
inline constexpr std::size_t probe_bytes_max = std::size_t{4} << 20;
/// Tokens of a prompt that somebody asks a server of streams to go on with, and bytes of a prompt that is text.
inline constexpr std::size_t stream_tokens_max = std::size_t{1} << 20;
inline constexpr std::size_t stream_text_bytes_max = std::size_t{4} << 20;
/// Tokens, and bytes of their text, in one part of a stream: a server divides what is more.
inline constexpr std::size_t stream_part_tokens_max = 4096;
inline constexpr std::size_t stream_part_bytes_max = std::size_t{1} << 20;
/// Decoded structures take at most this many bytes for each byte of their record, plus a constant for short ones.
inline constexpr std::size_t decoded_bytes_per_byte_max = 8;
inline constexpr std::size_t decoded_bytes_base = 4096;

}  // namespace troupe::limits
