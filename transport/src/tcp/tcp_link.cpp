#include "tcp/tcp_link.hpp"

#include <cassert>
#include <thread>

#include "tcp/endpoint.hpp"
#include "tcp/link_loop.hpp"
#include "worker_thread.hpp"

namespace troupe::wire {
namespace {

class stream_link final : public link {
public:
  explicit stream_link(std::shared_ptr<link_loop> loop) : loop_(std::move(loop)) {}

  ~stream_link() override {
    close();
    if (!thread_.joinable()) return;
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();  // the handler destroys its own link; the thread holds the loop and ends soon
    } else {
      thread_.join();
    }
  }

  void start(std::shared_ptr<link_handler> handler) override {
    assert(!thread_.joinable() && "a link is started once");
    auto started = start_thread("troupe-link", thread_, [loop = loop_, handler] { loop->run(handler); });
    if (started) return;
    loop_->abandon();
    handler->on_closed(started.error());
  }

  result<void> send(outgoing_message message) override { return loop_->send(std::move(message)); }
  using link::close;
  void close(error why) override { loop_->close(std::move(why)); }
  const peer_info& peer() const noexcept override { return loop_->peer(); }
  std::size_t queued_bytes() const override { return loop_->queued_bytes(); }

private:
  std::shared_ptr<link_loop> loop_;
  std::thread thread_;
};

/// A node that listens on every interface does not know by which of its addresses it is reached from here.
void set_host(std::string& listen_address, const endpoint& seen) {
  const auto claimed = parse_address(listen_address);
  if (!claimed || !claimed->is_wildcard() || seen.size == 0) return;
  address reached = seen.to_address();
  reached.port = claimed->port;
  listen_address = reached.to_string();
}

}  // namespace

result<std::unique_ptr<link>> make_stream_link(std::unique_ptr<byte_stream> stream, greeted_connection connection,
                                               std::shared_ptr<void> guest) {
  TROUPE_TRY(wakeup wake, wakeup::make());
  connection.peer.proof = stream->peer();
  set_host(connection.peer.node.listen_address, remote_end(stream->descriptor()));
  auto loop = std::make_shared<link_loop>(std::move(stream), std::move(connection), std::move(wake), std::move(guest));
  return std::unique_ptr<link>(std::make_unique<stream_link>(std::move(loop)));
}

}  // namespace troupe::wire
