// troupe node: lends this machine's devices to other nodes until it is told to stop.
#include <unistd.h>

#include "commands.hpp"
#include "options.hpp"
#include "stop_signals.hpp"

namespace troupe::app {
namespace {

/// How long programs that have parts here may take to load them elsewhere after SIGTERM.
constexpr std::chrono::seconds leave_patience{10};

struct node_command {
  std::string listen = "127.0.0.1:0";
  std::string name;
  double slowdown = 1;
  placement_options placement;
};

result<void> node(const node_command& given, console& out) {
  TROUPE_TRY(const stop_signals stop, stop_signals::block());

  const std::string name = given.name.empty() ? host_name() : given.name;
  system_options options = given.placement.for_system(name);
  options.slowdown = given.slowdown;
  TROUPE_TRY(system served, system::make(std::move(options)));
  TROUPE_TRY(const std::uint16_t port, served.listen(given.listen).while_doing("listening on " + given.listen));
  const std::string address = given.listen.substr(0, given.listen.rfind(':'));

  const device_info& device = served.default_device();
  out.object({{"ready", true},
              {"port", port},
              {"pid", getpid()},
              {"name", name},
              {"address", fmt::format("{}:{}", address, port)},
              {"device", device.name}});
  out.line("node {} serves {} on {}:{} (pid {}); Ctrl-C stops it", name, device.name, address, port, getpid());
  if (!out.flush()) return error(errc::unavailable, "the output cannot be written");

  stop.wait();
  out.line("node {} hands its parts to other nodes and stops", name);
  // Whoever does not take them within this time notices the loss.
  (void)served.leave(leave_patience);
  return {};
}

}  // namespace

void add_node(program& to) {
  auto given = std::make_shared<node_command>();
  CLI::App& command =
      to.add("node", "Serves this machine's devices to other nodes until SIGTERM",
             "troupe node --listen 127.0.0.1:7000 --name worker", [given](console& out) { return node(*given, out); });
  command.add_option("--listen", given->listen, "Address to listen on; port 0 takes any free one")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  command.add_option("--name", given->name, "How other nodes call this one; the host's name if not given");
  command
      .add_option("--slow", given->slowdown, "With --allow-fault-injection: make every run take so many times as long")
      ->type_name("X");
  given->placement.add_to(command, false);
}

}  // namespace troupe::app
