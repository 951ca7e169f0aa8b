#include "runtime.hpp"

#include <algorithm>
#include <caf/logger.hpp>
#include <caf/message_view.hpp>
#include <thread>

#include "troupe/actors/messages.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

runtime_config::runtime_config(const runtime_options& options) {
  add_message_types<caf::id_block::troupe>();
  add_error_category(error_category, [](std::uint8_t code, caf::atom_value category, const caf::message& context) {
    return from_caf({code, category, context}).to_string();
  });
  const std::size_t cores = std::max<std::size_t>(2, std::thread::hardware_concurrency());
  set("scheduler.policy", options.simulated ? caf::atom("testing") : caf::atom("sharing"));
  set("scheduler.max-threads", options.threads == 0 ? cores : options.threads);
  set("scheduler.max-throughput", options.throughput);
}

host_scope::~host_scope() {
  caf::logger::set_current_actor_system(nullptr);
}

namespace {

caf::error error_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    return to_caf(fail(errc::internal, "an exception ended the actor: {}", exception.what()));
  } catch (...) {
    return to_caf(fail(errc::internal, "an exception of unknown type ended the actor"));
  }
}

}  // namespace

bool is_simulated(const caf::actor_system& system) {
  return caf::get_or(system.config(), "scheduler.policy", caf::atom("sharing")) == caf::atom("testing");
}

void quiet(caf::scheduled_actor& self) {
  self.set_default_handler([](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
    return caf::sec::unexpected_message;
  });
  self.set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  self.set_down_handler([](caf::scheduled_actor*, caf::down_msg&) {});
  self.set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr& thrown) -> caf::error { return error_of(thrown); });
}

promise_guard& promise_guard::operator=(promise_guard&& other) noexcept {
  if (this != &other) {
    drop();
    promise_ = std::exchange(other.promise_, {});
  }
  return *this;
}

void promise_guard::drop() noexcept {
  if (!promise_.pending()) return;
  try {
    promise_.deliver(to_caf(error(errc::unavailable, "the actor ended before it answered; repeat the request")));
  } catch (...) {
    // Out of memory: the requester's own timeout is what remains.
  }
}

void kill_now(const caf::actor_addr& source, const caf::actor& whom) {
  caf::anon_send<caf::message_priority::high>(whom, caf::exit_msg{source, caf::exit_reason::kill});
}

}  // namespace troupe
