// The thread of a parameter store that hashes chunks and reads and writes their files.
#pragma once

#include <caf/event_based_actor.hpp>

#include "chunk_cache.hpp"
#include "model_messages.hpp"

namespace troupe {

/// Answered with `chunk_msg`, which is empty when the chunk is not on the disk.
struct read_chunk_msg {
  content_hash hash;
};
/// Answered with `ok_atom` when `data` has this hash; it is then kept. Otherwise with an error.
struct check_chunk_msg {
  content_hash hash;
  tensor data;
};

/// Linked to `store`.
caf::actor spawn_chunk_worker(caf::event_based_actor* store, chunk_cache cache);

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::read_chunk_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::check_chunk_msg)
