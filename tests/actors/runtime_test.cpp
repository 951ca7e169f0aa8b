// The helpers that every actor and every host entry uses.
#include <unistd.h>
#include <caf/logger.hpp>
#include <thread>

#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

// What is written to standard output meanwhile.
template <class Work>
std::string printed_during(Work work) {
  std::fflush(stdout);
  char path[] = "/tmp/troupe_stdout_XXXXXX";
  const int file = mkstemp(path);
  REQUIRE(file >= 0);
  const int kept = dup(STDOUT_FILENO);
  dup2(file, STDOUT_FILENO);
  work();
  std::fflush(stdout);
  dup2(kept, STDOUT_FILENO);
  std::string text(4096, '\0');
  const auto size = pread(file, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  close(kept);
  close(file);
  unlink(path);
  return text;
}

TEST_CASE("the configuration takes effect", "[runtime]") {
  const runtime_config config({.threads = 3, .throughput = 7});
  CHECK(caf::get_or(config, "scheduler.policy", caf::atom("")) == caf::atom("sharing"));
  CHECK(caf::get_or(config, "scheduler.max-threads", std::size_t{0}) == 3);
  CHECK(caf::get_or(config, "scheduler.max-throughput", std::size_t{0}) == 7);
  const runtime_config defaults;
  CHECK(caf::get_or(defaults, "scheduler.max-threads", std::size_t{0}) >= 2);
  CHECK(caf::get_or(defaults, "scheduler.max-throughput", std::size_t{0}) == 50);
}

TEST_CASE("a system of the configuration has its threads, or virtual time", "[runtime]") {
  const runtime real(false);
  CHECK(const_cast<runtime&>(real).system().scheduler().num_workers() == 2);
  runtime simulated(true);
  const auto before = simulated.now();
  simulated.advance(std::chrono::hours(1));
  CHECK(simulated.now() - before == std::chrono::hours(1));
}

TEST_CASE("our errors survive the trip through CAF with sentence and trail", "[runtime]") {
  error failure(errc::device_lost, "the device is gone");
  failure.while_doing("step 7").while_doing("session 3");
  CHECK(from_caf(to_caf(failure)) == failure);
  CHECK(describe(to_caf(failure)) == "session 3: step 7: the device is gone");
}

TEST_CASE("CAF's errors become what can be done about them", "[runtime]") {
  CHECK(from_caf(caf::sec::request_timeout).code() == errc::deadline_exceeded);
  CHECK(from_caf(caf::sec::request_receiver_down).code() == errc::unavailable);
  CHECK(from_caf(caf::exit_reason::remote_link_unreachable).code() == errc::unavailable);
  CHECK(from_caf(caf::exit_reason::kill).code() == errc::unavailable);
  CHECK(from_caf(caf::sec::unexpected_message).code() == errc::internal);
  CHECK(from_caf(caf::error()).code() == errc::internal);
  CHECK(from_caf(caf::error(2, error_category)).message() == "internal");  // ours, but without a sentence
  CHECK(describe(caf::error()).empty());
  CHECK(describe(caf::exit_reason::user_shutdown) == "user_shutdown");
  CHECK(is_normal_end(caf::error()));
  CHECK(is_normal_end(caf::exit_reason::normal));
  CHECK(is_normal_end(caf::exit_reason::user_shutdown));
  CHECK_FALSE(is_normal_end(caf::exit_reason::kill));
}

TEST_CASE("a quiet actor prints nothing, whatever is thrown at it", "[runtime]") {
  std::string end;
  const std::string printed = printed_during([&] {
    runtime world(true);
    const journal book;
    const caf::actor victim = spawn_state<obedient>(world.system(), std::string("victim"), book);
    world.run();
    caf::anon_send(victim, std::vector<int>{1, 2});
    caf::anon_send(victim, caf::error(caf::sec::runtime_error));
    caf::anon_send(victim, caf::down_msg{nullptr, caf::sec::runtime_error});
    world.run();
    CHECK(need(world.ask<int>(victim, 1)) == 2);  // it lives
    const auto unknown = world.ask<int>(victim, 1.5);
    CHECK(unknown.error().message().find("unexpected_message") != std::string::npos);
    caf::anon_send(victim, std::string("throw"));
    world.run();
    end = world.end_of(victim);
  });
  CHECK(end == "an exception ended the actor: a bug");
  CHECK(printed.empty());
}

TEST_CASE("a promise that is dropped answers", "[runtime]") {
  runtime world(true);
  const caf::actor careless = world.system().spawn([](caf::event_based_actor* self) -> caf::behavior {
    quiet(*self);
    return {[=](int number) {
      promise_guard promise(self->make_response_promise());
      promise_guard moved = std::move(promise);
      if (number < 0) throw std::runtime_error("a bug");
      if (number > 0) moved.deliver(number);
    }};
  });
  CHECK(need(world.ask<int>(careless, 5)) == 5);
  const auto dropped = world.ask<int>(careless, 0);
  REQUIRE_FALSE(dropped);
  CHECK(dropped.error().code() == errc::unavailable);
  // Without the guard CAF would leave this one to its timeout.
  const auto thrown = world.ask<int>(careless, -1);
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().code() == errc::unavailable);
  caf::anon_send_exit(careless, caf::exit_reason::kill);
}

TEST_CASE("later goes through the mailbox, also without a delay", "[runtime]") {
  runtime world(true);
  const journal book;
  const caf::actor actor = world.system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
    quiet(*self);
    return {[=](int number) {
      book.write("begin " + std::to_string(number));
      if (number == 1) later(self, milliseconds(0), 2);
      if (number == 1) later(self, milliseconds(10), 3);
      book.write("end " + std::to_string(number));
    }};
  });
  caf::anon_send(actor, 1);
  world.advance(milliseconds(9));
  CHECK(book.take() == std::vector<std::string>{"begin 1", "end 1", "begin 2", "end 2"});
  world.advance(milliseconds(1));
  CHECK(book.take() == std::vector<std::string>{"begin 3", "end 3"});
}

TEST_CASE("a request with priority goes ahead of ordinary messages", "[runtime]") {
  runtime world(true);
  const journal book;
  const caf::actor busy = spawn_state<obedient>(world.system(), std::string("busy"), book);
  world.run();
  book.take();
  for (int number = 0; number < 20; ++number) caf::anon_send(busy, number);
  const caf::actor asker = world.system().spawn([=](caf::event_based_actor* self) {
    quiet(*self);
    ask_first(self, busy, seconds(1), 1000).then([=](int) { book.write("answered"); });
  });
  REQUIRE(dynamic_cast<caf::scheduler::test_coordinator&>(world.system().scheduler()).prioritize(asker));
  world.run();
  const auto written = book.take();
  const auto at = std::find(written.begin(), written.end(), "busy got 1000") - written.begin();
  CHECK(at < 10);
  CHECK(std::count(written.begin(), written.end(), "answered") == 1);
}

TEST_CASE("a system used from a thread that stays alive can be destroyed by another", "[runtime]") {
  // Without host_scope this hangs for ever: CAF's logger is held by a thread-local pointer.
  auto config = std::make_unique<runtime_config>();
  std::unique_ptr<caf::actor_system> system;
  {
    const host_scope scope;
    system = std::make_unique<caf::actor_system>(*config);
    caf::anon_send_exit(system->spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; }),
                        caf::exit_reason::kill);
  }
  std::promise<void> destroyed;
  std::thread other([&] {
    system.reset();
    destroyed.set_value();
  });
  auto future = destroyed.get_future();
  if (future.wait_for(seconds(20)) != std::future_status::ready) {
    other.detach();
    FAIL("the actor system does not end");
  }
  other.join();
}

}  // namespace
}  // namespace troupe::test
