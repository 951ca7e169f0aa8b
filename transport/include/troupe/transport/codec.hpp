// Envelopes to messages and back. The only place that knows Cap'n Proto.
#pragma once

#include "troupe/transport/records.hpp"

namespace troupe::wire {

/// Encodes in the lane that `lane_of` says. Tensors of more than `limits::inline_tensor_bytes_max` bytes become
/// attachments that share their storage. Fails with `invalid_argument` when the envelope breaks a limit that the
/// receiver would refuse; texts of errors are cut to their limit instead.
result<outgoing_message> encode(const envelope& letter);

/// Decodes and checks everything: kinds, numbers, lengths, indices, sizes, graphs (see `validate(graph)`). Tensors
/// share the attachments they lie in. `invalid_argument` for anything that `encode` could not have made; the
/// message names it. Needs at most `limits::decoded_bytes_per_byte_max` bytes of memory for each byte of the head.
result<envelope> decode(const incoming_message& message);

}  // namespace troupe::wire
