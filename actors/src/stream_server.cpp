#include "troupe/stream_server.hpp"

#include <algorithm>

#include "stream_link.hpp"
#include "stream_service.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/gguf.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe {
namespace {

/// A client acknowledges often enough that a stream does not stop at the end of its window meanwhile.
constexpr std::uint32_t window_min = 2 * tokens_per_ack, window_max = 65'536;
static_assert(served_streams_max < limits::links_max, "one client too many is told so over a link");

}  // namespace

struct stream_server::implementation {
  std::shared_ptr<stream_service> service;
  std::unique_ptr<wire::tcp_listener> listener;

  ~implementation() {
    listener.reset();
    service->stop();
  }
};

result<content_hash> hash_of_model(const gguf_file& file, dtype storage) {
  std::vector<std::byte> all;
  for (std::size_t i = 0; i < file.parts(); ++i) {
    TROUPE_TRY(const content_hash part, hash_of(file.part(i)));
    const auto bytes = std::as_bytes(std::span(part.bytes));
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  all.push_back(static_cast<std::byte>(storage));
  return hash_of(all);
}

result<stream_server> stream_server::start(served_model model, const stream_server_options& options) {
  if (options.streams_max < 1 || options.streams_max > served_streams_max)
    return fail(errc::invalid_argument, "{} streams at once are asked for; 1 to {} are possible", options.streams_max,
                served_streams_max);
  if (options.window < window_min || options.window > window_max)
    return fail(errc::invalid_argument, "a window of {} tokens is asked for; {} to {} are possible", options.window,
                window_min, window_max);
  const fingerprint_chain prints(model.identity);
  token_log::opened log;
  if (!options.log_directory.empty()) {
    TROUPE_TRY(auto disk, open_log_folder(options.log_directory));
    TROUPE_TRY(log, token_log::open(std::move(disk), prints)
                        .while_doing(fmt::format("opening the log in {}", options.log_directory.string())));
  }
  stream_server_stats begun;
  begun.log_bytes_dropped = log.contents.bytes_dropped;
  const std::size_t context = model.sessions.context();
  stream_table table(model.words, context, prints, std::move(log.log), std::move(log.contents),
                     {.streams_max = options.streams_max, .window = options.window, .patience = options.patience},
                     steady_clock::now());
  begun.restored = table.live();

  auto made = std::make_unique<implementation>();
  made->service = std::make_shared<stream_service>(std::move(model), std::move(table), options, begun);
  TROUPE_TRY(const auto where, wire::parse_address(options.listen));
  TROUPE_TRY(const wire::tcp_options links, stream_link_options(where, options.name, options.state_directory));
  TROUPE_TRY(made->listener,
             wire::listen_tcp(where.to_string(), links, [service = std::weak_ptr(made->service)](auto joined) {
               if (const auto alive = service.lock()) alive->add_link(std::move(joined));
             }));
  made->service->start();
  return stream_server(std::move(made));
}

stream_server::stream_server(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}
stream_server::stream_server(stream_server&&) noexcept = default;
stream_server& stream_server::operator=(stream_server&&) noexcept = default;
stream_server::~stream_server() = default;

std::uint16_t stream_server::port() const noexcept {
  return impl_->listener->local_address().port;
}

stream_server_stats stream_server::stats() const {
  return impl_->service->stats();
}

}  // namespace troupe
