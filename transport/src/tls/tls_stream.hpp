// A byte stream that nobody can read or change on its way, from somebody who has proved who he is.
#pragma once

#include <poll.h>

#include <mutex>
#include <optional>
#include <vector>

#include "tls/socket_bio.hpp"
#include "tls/tls_context.hpp"

namespace troupe::wire {

using tls_session = std::unique_ptr<SSL, free_with<SSL_free>>;

class tls_stream final : public byte_stream {
public:
  tls_stream(std::shared_ptr<const tls_context::shared_state> shared, tls_context::side which, file_descriptor socket,
             std::optional<key_hash> expected)
      : shared_(std::move(shared)),
        side_(which),
        socket_(std::move(socket)),
        channel_{socket_.get()},
        expected_(expected) {}
  /// Before anything else.
  result<void> start();

  int descriptor() const noexcept override { return socket_.get(); }
  result<bool> open() override;
  short opening_events() const noexcept override { return opening_events_; }
  peer_proof peer() const override { return proof_; }
  result<void> check_trust() override;
  result<std::size_t> read(std::span<std::byte> into) override;
  bool holds_bytes() const noexcept override { return holds_bytes_; }
  result<std::size_t> write(std::span<const std::span<const std::byte>> pieces) override;
  void finish_writing() noexcept override;

  /// Called by OpenSSL within `open`: decides about the key that the other side shows.
  bool judge(X509* shown);

private:
  /// What a call of OpenSSL that returned `outcome` means: nothing when it is to be made again later.
  result<void> problem_of(int outcome);
  error what_went_wrong(int kind);
  result<void> judge_key(X509* shown);
  /// What the owner of the key may do here; nothing when he is not trusted.
  result<std::optional<peer_role>> role_of(const key_hash& key) const;

  const std::shared_ptr<const tls_context::shared_state> shared_;
  const tls_context::side side_;
  const file_descriptor socket_;
  bio_socket channel_;
  const std::optional<key_hash> expected_;
  peer_proof proof_;
  std::optional<error> refusal_;
  short opening_events_ = POLLIN;
  bool is_open_ = false;
  bool holds_bytes_ = false;
  std::vector<std::byte> record_;  // where short pieces become one record

  // OpenSSL's object takes one call at a time.
  std::mutex mutex_;
  tls_session session_;
};

}  // namespace troupe::wire
