#include "chunk_worker.hpp"

#include "caf_error.hpp"
#include "runtime.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

caf::actor spawn_chunk_worker(caf::event_based_actor* store, chunk_cache cache) {
  return spawn_blocking_function(
      *store, [files = std::make_shared<chunk_cache>(std::move(cache))](caf::event_based_actor* self) -> caf::behavior {
        quiet(*self);
        return {[files](const read_chunk_msg& wanted) {
                  if (auto found = files->read(wanted.hash)) return chunk_msg{std::move(*found)};
                  return chunk_msg::none();
                },
                [files](const check_chunk_msg& received) -> caf::result<ok_atom> {
                  const auto found = hash_of(received.data.bytes());
                  if (!found) return to_caf(found.error());
                  if (*found != received.hash)
                    return to_caf(fail(errc::invalid_argument, "the chunk {} came with other bytes, of the hash {}",
                                       received.hash.to_hex(), found->to_hex()));
                  files->write(received.hash, received.data.bytes());
                  return ok_atom::value;
                }};
      });
}

}  // namespace troupe
