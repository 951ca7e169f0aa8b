#include "troupe/transport/trust.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "identity/peers_file.hpp"
#include "private_file.hpp"
#include "tcp/descriptor.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds lock_time_max{2000};
constexpr milliseconds lock_pause{10};

/// What changes when a file is replaced. The inode alone may be used again, the time alone may be coarse.
struct file_version {
  bool exists = false;
  ino_t inode = 0;
  off_t size = 0;
  time_t seconds = 0;
  long nanoseconds = 0;
  friend bool operator==(const file_version&, const file_version&) = default;
};

file_version version_of(const std::filesystem::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) return {};
  return {true, about.st_ino, about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
}

/// Keeps other processes from changing the store until it is destroyed.
result<file_descriptor> lock_store(const std::filesystem::path& file) {
  const std::string name = file.string() + ".lock";
  file_descriptor opened(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!opened) return fail(errc::unavailable, "{} cannot be opened: {}", name, std::strerror(errno));
  for (const auto end = steady_clock::now() + lock_time_max; ::flock(opened.get(), LOCK_EX | LOCK_NB) != 0;) {
    if (steady_clock::now() >= end)
      return fail(errc::unavailable, "another process holds {} for too long; try again", name);
    std::this_thread::sleep_for(lock_pause);
  }
  return opened;
}

auto position_of(std::vector<trusted_peer>& peers, const key_hash& key) {
  return std::find_if(peers.begin(), peers.end(), [&](const trusted_peer& each) { return each.key == key; });
}

}  // namespace

std::string_view to_string(peer_role role) noexcept {
  switch (role) {
    case peer_role::coordinator: return "coordinator";
    case peer_role::worker: return "worker";
    case peer_role::observer: return "observer";
  }
  return "unknown";
}

result<peer_role> parse_peer_role(std::string_view text) {
  for (const auto role : {peer_role::coordinator, peer_role::worker, peer_role::observer})
    if (text == to_string(role)) return role;
  return fail(errc::invalid_argument, "\"{}\" is not a role; use coordinator, worker or observer",
              text.substr(0, limits::node_name_bytes_max));
}

struct trust_store::implementation {
  explicit implementation(const std::filesystem::path& where) : directory(where), file(where / "peers.json") {}

  const std::filesystem::path directory;
  const std::filesystem::path file;
  std::mutex mutex;
  bool read_once = false;
  file_version version;
  result<std::vector<trusted_peer>> peers = std::vector<trusted_peer>();

  /// With the mutex held: what the file says now.
  const result<std::vector<trusted_peer>>& current() {
    // Asked for before the contents are read: a change in between shows at the next call.
    const file_version now = version_of(file);
    if (read_once && peers && now == version) return peers;
    read_once = true;
    version = now;
    peers = read_peers_file(file);
    return peers;
  }

  /// `change` says whether anything is to be written.
  template <class Change>
  result<bool> modify(Change change) {
    const std::lock_guard guard(mutex);
    TROUPE_CHECK(make_private_directory(directory));
    TROUPE_TRY(const file_descriptor held, lock_store(file));
    read_once = false;  // other processes may have changed it within the resolution of the file's time
    TROUPE_TRY(std::vector<trusted_peer> changed, current());
    TROUPE_TRY(const bool write, change(changed));
    if (write) TROUPE_CHECK(write_peers_file(file, changed));
    read_once = false;
    return write;
  }
};

trust_store::trust_store(const std::filesystem::path& directory) : impl_(std::make_shared<implementation>(directory)) {}

result<std::vector<trusted_peer>> trust_store::list() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->current();
}

result<std::optional<trusted_peer>> trust_store::find(const key_hash& key) const {
  const std::lock_guard guard(impl_->mutex);
  const auto& peers = impl_->current();
  if (!peers) return peers.error();
  for (const trusted_peer& each : *peers)
    if (each.key == key) return std::optional<trusted_peer>(each);
  return std::optional<trusted_peer>();
}

result<void> trust_store::put(const trusted_peer& peer) {
  TROUPE_CHECK(validate(peer));
  TROUPE_CHECK(impl_->modify([&](std::vector<trusted_peer>& peers) -> result<bool> {
    if (const auto known = position_of(peers, peer.key); known != peers.end()) {
      *known = peer;
      return true;
    }
    if (peers.size() >= limits::trusted_peers_max)
      return fail(errc::unavailable, "this machine is paired with {} others, its limit; unpair one first",
                  peers.size());
    peers.push_back(peer);
    return true;
  }));
  return {};
}

result<bool> trust_store::remove(const key_hash& key) {
  return impl_->modify([&](std::vector<trusted_peer>& peers) -> result<bool> {
    const auto known = position_of(peers, key);
    if (known == peers.end()) return false;
    peers.erase(known);
    return true;
  });
}

}  // namespace troupe::wire
