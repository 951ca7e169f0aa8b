// troupe serve MODEL.gguf: streams of tokens for clients on other processes, finished after the server's own death.
#include <unistd.h>

#include "commands.hpp"
#include "language.hpp"
#include "stop_signals.hpp"
#include "troupe/stream_server.hpp"

namespace troupe::app {
namespace {

struct serve_command {
  std::string model_file, log;
  std::string listen = "127.0.0.1:0";
  std::size_t streams = 32;
  double patience_s = 60;
  language_options language;
};

result<void> serve(const serve_command& given, console& out) {
  if (given.language.spread.compress_activations)
    return error(errc::invalid_argument,
                 "--compress-activations makes tokens depend on where the model is cut, which may be elsewhere when the "
                 "server is started again; serve without it");
  TROUPE_TRY(const stop_signals stop, stop_signals::block());
  TROUPE_TRY(const gguf_file file, gguf_file::open(given.model_file));
  TROUPE_TRY(const content_hash identity,
             hash_of_model(file, given.language.spread.for_loading(given.language.placement).storage));
  TROUPE_TRY(loaded_language loaded,
             load_language(given.model_file, given.language, static_cast<std::int64_t>(given.streams), out));

  stream_server_options options;
  options.listen = given.listen;
  options.name = host_name();
  options.state_directory = given.language.placement.state.path();
  options.log_directory = given.log;
  options.streams_max = given.streams;
  options.patience = std::chrono::milliseconds(static_cast<std::int64_t>(given.patience_s * 1000));
  TROUPE_TRY(
      stream_server server,
      stream_server::start({identity, loaded.words, std::move(loaded.steps), std::move(loaded.sessions)}, options));
  const stream_server_stats begun = server.stats();
  const std::string address = given.listen.substr(0, given.listen.rfind(':'));
  out.object({{"ready", true},
              {"port", server.port()},
              {"pid", getpid()},
              {"address", fmt::format("{}:{}", address, server.port())},
              {"model", identity.to_hex()},
              {"durability", begun.durable ? "disk" : "memory"},
              {"restored", begun.restored},
              {"log_bytes_dropped", begun.log_bytes_dropped},
              {"load_seconds", loaded.load_s}});
  out.line("serving {} at {}:{} (pid {}), {} streams at once; Ctrl-C stops it", given.model_file, address,
           server.port(), getpid(), given.streams);
  if (begun.restored > 0) out.line("{} streams of the log go on", begun.restored);
  if (begun.log_bytes_dropped > 0) out.line("{} torn bytes at the end of the log are dropped", begun.log_bytes_dropped);
  if (!out.flush()) return error(errc::unavailable, "the output cannot be written");
  const bool asked_to_stop = stop.wait_while([&] { return server.stats().failure.empty(); });
  const stream_server_stats ended = server.stats();
  if (!asked_to_stop) return error(errc::internal, "the server has failed: " + ended.failure);
  if (!ended.log_failure.empty()) out.note("durability=memory since the log failed: " + ended.log_failure);
  out.line("{} tokens were made; {} streams are left{}", ended.tokens, ended.live,
           ended.live > 0 && ended.durable ? " in the log" : "");
  return {};
}

}  // namespace

void add_serve(program& to) {
  auto given = std::make_shared<serve_command>();
  CLI::App& command =
      to.add("serve", "Serves streams of a language model until SIGTERM, and finishes them after a crash",
             "troupe serve model.gguf --listen 127.0.0.1:7400 --log /var/lib/troupe/streams",
             [given](console& out) { return serve(*given, out); });
  command.add_option("MODEL", given->model_file, "GGUF file")->required();
  command.add_option("--listen", given->listen, "Address to listen on; port 0 takes any free one")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  command
      .add_option("--log", given->log, "Keep requests and tokens in this folder; without it they end with the process")
      ->type_name("DIR");
  command.add_option("--streams", given->streams, "Streams at once; one more is refused")
      ->check(CLI::Range(std::size_t{1}, served_streams_max))
      ->capture_default_str();
  command
      .add_option("--patience", given->patience_s,
                  "Seconds that a stream is kept whose client is gone or does not read")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  given->language.add_to(command);
}

}  // namespace troupe::app
