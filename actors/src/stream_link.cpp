#include "stream_link.hpp"

namespace troupe {

result<wire::tcp_options> stream_link_options(const wire::address& where, const std::string& name,
                                              const std::filesystem::path& state_directory) {
  wire::tcp_options made;
  made.self.name = name;
  TROUPE_TRY(made.self.id, wire::make_node_id());
  if (!where.is_loopback() && !state_directory.empty()) {
    TROUPE_TRY(wire::identity key, wire::identity::load_or_make(state_directory));
    made.credentials = wire::credentials{std::move(key), wire::trust_store(state_directory)};
  }
  return made;
}

}  // namespace troupe
