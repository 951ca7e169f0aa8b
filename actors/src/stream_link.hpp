// How both ends of streams connect.
#pragma once

#include <cstdint>
#include <filesystem>

#include "troupe/transport/tcp.hpp"

namespace troupe {

/// Tokens after which a client tells the server how far it is.
inline constexpr std::uint32_t tokens_per_ack = 32;

/// Greets as `name`; with this machine's key where links may leave it.
result<wire::tcp_options> stream_link_options(const wire::address& where, const std::string& name,
                                              const std::filesystem::path& state_directory);

}  // namespace troupe
