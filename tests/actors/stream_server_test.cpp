// A server of streams and its clients in one process: real links, a real model, a real log.
#include "troupe/stream_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>

#include "stream_service.hpp"
#include "support/small_vocabulary.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_model.hpp"
#include "troupe/engine/language_model.hpp"
#include "troupe/model_steps.hpp"
#include "troupe/stream_client.hpp"
#include "troupe/transport/codec.hpp"
#include "troupe/transport/tcp.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t sessions = 8;

language_model tiny() {
  return need(build_language_model(open_tiny(tiny_model{.format = block_format::q8_0, .seed = 2}.build()),
                                   {.sessions = sessions, .context = 96}));
}

/// A system with the tiny model in two parts.
struct machine {
  language_model file = tiny();
  troupe::system host;
  model network;

  machine() : host(need(troupe::system::make({.device = "reference"}))), network(load()) {}

  model load() {
    load_options how;
    how.shards = 2;
    how.storage = dtype::f32;
    return need(host.load(file.graph, how));
  }

  generator make_sessions(step_runner& steps) const {
    return need(generator::make(network.inputs(), steps,
                                {.cache_pages = file.cache_pages, .vocabulary = file.parameters.vocabulary}));
  }

  result<stream_server> serve(const stream_server_options& options) {
    auto steps = std::make_unique<model_steps>(network);
    generator made = make_sessions(*steps);
    return stream_server::start({need(hash_of_model(file.file, dtype::f32)), need(tokenizer::make(byte_pair_words())),
                                 std::move(steps), std::move(made)},
                                options);
  }

  /// What each request gives without a server.
  std::vector<std::vector<token_id>> undisturbed(const std::vector<stream_request>& asked) const {
    model_steps steps(network);
    generator alone = make_sessions(steps);
    std::vector<std::vector<token_id>> made;
    for (const stream_request& each : asked) {
      session_options options;
      options.tokens_max = each.tokens_max;
      options.sampling = each.sampling;
      need(alone.add(each.tokens, options));
      std::vector<token_id>& tokens = made.emplace_back();
      while (!alone.idle())
        for (const session_output& output : need(alone.step(steady_clock::now() + 60s)))
          if (output.token) tokens.push_back(output.token->token);
    }
    return made;
  }
};

std::vector<stream_request> requests(std::size_t count, std::uint32_t tokens_max) {
  std::vector<stream_request> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (token_id token = 0; token < static_cast<token_id>(3 + 5 * i); ++token)
      made[i].tokens.push_back(3 + (token * 7 + static_cast<token_id>(i)) % 120);
    made[i].tokens_max = tokens_max;
    made[i].sampling.temperature = i % 2 == 0 ? 0.0 : 1.0;
    made[i].sampling.seed = i;
  }
  return made;
}

std::string at(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

struct told {
  std::vector<token_id> tokens;
  std::string text;
  stream_news last;
};

/// Reads to the end, or until there are `most` tokens.
void read(token_stream& from, told& into, std::size_t most = 1000) {
  while (into.last.finished == stream_finish::none && into.tokens.size() < most) {
    into.last = need(from.next(steady_clock::now() + 60s));
    into.tokens.insert(into.tokens.end(), into.last.tokens.begin(), into.last.tokens.end());
    into.text += into.last.text;
  }
}

/// Passes bytes between clients and a server, one connection at a time. In the first one a byte that the server sends
/// is damaged.
class bent_wire {
public:
  bent_wire(std::uint16_t target, std::size_t damaged_at) : target_(target), damaged_at_(damaged_at) {
    const sockaddr_in any = loopback(0);
    REQUIRE(::bind(listening_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(listening_, 8) == 0);
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    REQUIRE(::getsockname(listening_, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
    port = ntohs(bound.sin_port);
    thread_ = std::thread([this] {
      while (!stopping_)
        if (readable(listening_)) pass(::accept(listening_, nullptr, nullptr));
    });
  }
  ~bent_wire() {
    stopping_ = true;
    thread_.join();
    ::close(listening_);
  }

  std::uint16_t port = 0;

private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return made;
  }
  static bool readable(int socket) {
    pollfd watched{socket, POLLIN, 0};
    return ::poll(&watched, 1, 1) > 0;
  }
  void pass(int client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in where = loopback(target_);
    bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
    while (open && !stopping_) open = forward(client, server, nullptr) && forward(server, client, &passed_);
    ::close(client);
    ::close(server);
  }
  /// False at the end of the connection.
  bool forward(int from, int to, std::size_t* count) {
    if (!readable(from)) return true;
    std::array<char, 4096> chunk;
    const ssize_t length = ::recv(from, chunk.data(), chunk.size(), 0);
    if (length <= 0) return false;
    const auto bytes = static_cast<std::size_t>(length);
    if (count) {
      if (damaged_at_ >= *count && damaged_at_ < *count + bytes) chunk[damaged_at_ - *count] ^= 1;
      *count += bytes;
    }
    return ::send(to, chunk.data(), bytes, MSG_NOSIGNAL) == length;
  }

  int listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t target_;
  std::size_t damaged_at_, passed_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a server gives many clients at once what each would have alone", "[streams][stream_server]") {
  machine local;
  const auto asked = requests(sessions, 24);
  const auto expected = local.undisturbed(asked);
  const auto server = need(local.serve({.streams_max = sessions}));
  std::vector<told> heard(asked.size());
  std::vector<std::thread> clients;
  std::vector<token_stream> streams;
  for (const stream_request& each : asked) streams.push_back(need(token_stream::open(at(server.port()), each)));
  for (std::size_t i = 0; i < asked.size(); ++i) clients.emplace_back([&, i] { read(streams[i], heard[i]); });
  for (std::thread& each : clients) each.join();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CHECK(heard[i].tokens == expected[i]);
    CHECK(heard[i].last.finished == stream_finish::length);
    CHECK(streams[i].prompt_tokens() == asked[i].tokens.size());
    CHECK_FALSE(streams[i].durable());
    CHECK(need(streams[i].next(steady_clock::now() + 1s)).finished == stream_finish::length);
  }
}

TEST_CASE("a server that starts again with its log finishes every stream, and no client notices more than a pause",
          "[streams][stream_server][P4]") {
  machine local;
  const temporary_folder folder;
  const auto asked = requests(6, 40);
  const auto expected = local.undisturbed(asked);
  stream_server_options options{.log_directory = folder.path() / "log", .streams_max = sessions};
  auto server = std::optional(need(local.serve(options)));
  options.listen = at(server->port());
  std::vector<token_stream> streams;
  std::vector<told> heard(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    streams.push_back(need(token_stream::open(options.listen, asked[i])));
    read(streams[i], heard[i], 1 + 3 * i);
    CHECK(streams[i].durable());
  }
  {
    const auto second = local.serve({.log_directory = options.log_directory});
    REQUIRE_FALSE(second);
    CHECK(second.error().message().find("another process") != std::string::npos);
  }
  server.reset();
  // As if the power had gone in the middle of a write.
  std::ofstream(options.log_directory / "streams.log", std::ios::app | std::ios::binary) << "\x15\0\0\0torn";
  server.emplace(need(local.serve(options)));
  CHECK(server->stats().log_bytes_dropped > 0);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    read(streams[i], heard[i]);
    CHECK(heard[i].tokens == expected[i]);
    CHECK(heard[i].last.finished == stream_finish::length);
    CHECK(streams[i].reconnects() <= 1);
  }
}

TEST_CASE("a server whose clients do not come back keeps their streams for its patience", "[streams][stream_server]") {
  machine local;
  const auto server = need(local.serve({.streams_max = 2, .patience = 300ms}));
  {
    token_stream left = need(token_stream::open(at(server.port()), requests(1, 80)[0]));
    told heard;
    read(left, heard, 1);
  }
  for (const auto end = steady_clock::now() + 30s; server.stats().live > 0 && steady_clock::now() < end;)
    std::this_thread::sleep_for(20ms);
  CHECK(server.stats().live == 0);
}

TEST_CASE("cancelling from another thread ends a stream once", "[streams][stream_server][C1]") {
  machine local;
  const auto server = need(local.serve({.streams_max = 2}));
  token_stream stream = need(token_stream::open(at(server.port()), requests(1, 90)[0]));
  told heard;
  read(stream, heard, 2);
  std::thread([&] { stream.cancel(); }).join();
  read(stream, heard);
  CHECK((heard.last.finished == stream_finish::cancelled || heard.last.finished == stream_finish::context));
  CHECK(heard.tokens.size() < 95);
}

TEST_CASE("what cannot be served is said to the client, and to it alone", "[streams][stream_server]") {
  machine local;
  const auto server = need(local.serve({.streams_max = 1}));
  token_stream good = need(token_stream::open(at(server.port()), requests(1, 60)[0]));
  told heard;
  read(good, heard, 1);
  token_stream second = need(token_stream::open(at(server.port()), requests(1, 5)[0]));
  const stream_news refused = need(second.next(steady_clock::now() + 60s));
  CHECK(refused.finished == stream_finish::overloaded);
  REQUIRE(refused.failure);
  CHECK(refused.failure->retryable());
  CHECK(refused.retry_after > 0ms);
  good.cancel();
  read(good, heard);

  stream_request bad = requests(1, 5)[0];
  bad.tokens = {12'345};
  token_stream wrong = need(token_stream::open(at(server.port()), bad));
  const stream_news failed = need(wrong.next(steady_clock::now() + 60s));
  CHECK(failed.finished == stream_finish::failed);
  REQUIRE(failed.failure);
  CHECK(failed.failure->code() == errc::invalid_argument);
  bad.tokens_max = 0;
  CHECK_FALSE(token_stream::open(at(server.port()), bad));
  CHECK_FALSE(token_stream::open("nowhere", requests(1, 5)[0]));
}

TEST_CASE("a client says when a server is gone for too long", "[streams][stream_server]") {
  machine local;
  auto server = std::optional(need(local.serve({})));
  token_stream stream = need(token_stream::open(at(server->port()), requests(1, 60)[0], {.patience = 200ms}));
  told heard;
  read(stream, heard, 1);
  server.reset();
  while (true) {
    const auto news = stream.next(steady_clock::now() + 30s);
    if (news) continue;  // what had arrived before
    CHECK(news.error().code() == errc::unavailable);
    break;
  }
}

TEST_CASE("a byte that is damaged on its way costs the link, not the stream", "[streams][stream_server]") {
  machine local;
  const auto server = need(local.serve({.streams_max = 1}));
  const auto asked = requests(1, 80);
  const bent_wire between(server.port(), 600);  // behind the greeting
  token_stream stream = need(token_stream::open(at(between.port), asked[0]));
  told heard;
  read(stream, heard);
  CHECK(heard.tokens == local.undisturbed(asked)[0]);
  CHECK(stream.reconnects() == 1);
}

TEST_CASE("whoever serves no streams is not asked for the whole patience", "[streams][stream_server]") {
  struct closing final : wire::link_handler {
    explicit closing(std::weak_ptr<wire::link> link) : link_(std::move(link)) {}
    void on_message(wire::incoming_message) override {
      if (const auto link = link_.lock()) link->close(error(errc::invalid_argument, "no streams are served here"));
    }
    void on_closed(const error&) override {}
    std::weak_ptr<wire::link> link_;
  };
  std::mutex mutex;
  std::vector<std::shared_ptr<wire::link>> links;
  const wire::tcp_options options{.self = {need(wire::make_node_id()), "stranger", ""}};
  const auto listener = need(wire::listen_tcp("127.0.0.1:0", options, [&](std::unique_ptr<wire::link> made) {
    const std::lock_guard lock(mutex);
    links.push_back(std::move(made));
    links.back()->start(std::make_shared<closing>(links.back()));
  }));
  token_stream stream =
      need(token_stream::open(listener->local_address().to_string(), requests(1, 5)[0], {.patience = 10min}));
  const auto news = stream.next(steady_clock::now() + 60s);
  REQUIRE_FALSE(news);
  CHECK(news.error().code() == errc::unavailable);
  CHECK(news.error().message().find("no streams are served here") != std::string::npos);
}

TEST_CASE("servers that could not hold to what they promise are not started", "[streams][stream_server]") {
  machine local;
  for (const stream_server_options& options :
       {stream_server_options{.streams_max = served_streams_max + 1}, stream_server_options{.window = 63}}) {
    const auto refused = local.serve(options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == errc::invalid_argument);
  }
}

TEST_CASE("what no client of streams sends costs its sender the link, and nobody else anything",
          "[streams][stream_server][C3]") {
  machine local;
  const auto server = need(local.serve({.streams_max = 4}));
  struct deaf final : wire::link_handler {
    std::atomic<bool> closed = false;
    void on_message(wire::incoming_message) override {}
    void on_closed(const error&) override { closed = true; }
  };
  for (const wire::body& record : {wire::body(wire::unload_plan{1}), wire::body(wire::ping{1}),
                                   wire::body(wire::stream_part{.id = {1, 1}, .tokens = {}, .text = {}})}) {
    const wire::tcp_options options{.self = {need(wire::make_node_id()), "stranger", ""}};
    const std::shared_ptr<wire::link> link =
        need(wire::connect_tcp(at(server.port()), options, steady_clock::now() + 10s));
    const auto handler = std::make_shared<deaf>();
    link->start(handler);
    need(link->send(need(wire::encode({wire::envelope_kind::message, 0, stream_actor_number, {}, record}))));
    for (const auto end = steady_clock::now() + 30s; !handler->closed && steady_clock::now() < end;)
      std::this_thread::sleep_for(10ms);
    CHECK(handler->closed);
  }
  const auto asked = requests(1, 8);
  token_stream stream = need(token_stream::open(at(server.port()), asked[0]));
  told heard;
  read(stream, heard);
  CHECK(heard.tokens == local.undisturbed(asked)[0]);
}
