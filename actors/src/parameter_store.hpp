// The parameter store of a process: gives chunks of weights to other nodes, and fetches those that parts of this
// process need, from memory, from the disk, or from whichever node has them. What it decides is in
// parameter_store_state:
//
//   node --fetch_weights_msg--> store --chunk_request_msg--> other nodes (and their stores)
//   store --part_progress_msg--> coordinator;  store --weights_msg--> node, when all are there
#pragma once

#include <caf/event_based_actor.hpp>
#include <filesystem>

#include "model_messages.hpp"
#include "weight_registry.hpp"

namespace troupe {

struct parameter_store_options {
  std::shared_ptr<weight_registry> registry;
  std::filesystem::path cache;  ///< folder of chunks; empty: none
  std::uint64_t cache_bytes_max = 0;
  std::function<std::uint64_t()> available_memory;  ///< bytes that the host has for weights; empty: asks the kernel
};

/// Its file operations and hashes are done by a thread of its own.
caf::actor spawn_parameter_store(caf::event_based_actor* parent, parameter_store_options options);

/// Node to store. Answered with `weights_msg`, or an error: `out_of_memory` when the host has no room for the part,
/// `unavailable` when no holder gives a chunk. Ends early with `cancel_fetch_msg`.
struct fetch_weights_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0, host = 0;
  std::shared_ptr<const graph> skeleton;
  std::shared_ptr<const weight_manifest> manifest;
  std::vector<caf::actor> holders;
  caf::actor observer;  ///< hears `part_progress_msg`
};
/// Coordinator to store: name the chunks of this network's weights, and serve them while somebody holds the answer,
/// `weights_msg`.
struct pack_weights_msg {
  std::shared_ptr<const graph> network;
};
struct weights_msg {
  std::shared_ptr<const packed_weights> weights;
};
struct cancel_fetch_msg {
  std::uint64_t plan = 0;
  std::uint32_t part = 0;
};
/// The store to itself: a chunk that was looked for; empty when it is not here.
struct located_msg {
  content_hash hash;
  tensor data;
};

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::fetch_weights_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::pack_weights_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::weights_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::cancel_fetch_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::located_msg)
