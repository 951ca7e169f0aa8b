// Whole systems made and destroyed over and over: nothing hangs, nothing is left. The address sanitizer's build looks
// for leaks in the same test.
#include <dirent.h>

#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

std::size_t threads_of_this_process() {
  std::size_t count = 0;
  if (DIR* tasks = opendir("/proc/self/task")) {
    while (const dirent* entry = readdir(tasks)) count += entry->d_name[0] != '.';
    closedir(tasks);
  }
  return count;
}

// Two levels, a probed child, a detached one, timers under way.
supervisor_spec some_tree(const journal& book) {
  child_spec probed = obedient_child("probed", book);
  probed.probe = probe_policy{milliseconds(1), seconds(5)};
  child_spec detached;
  detached.id = "detached";
  detached.start = [](caf::event_based_actor* parent) {
    return parent->spawn<caf::detached>([](caf::event_based_actor* self) -> caf::behavior {
      quiet(*self);
      return {[](int number) { return number + 1; }};
    });
  };
  supervisor_spec low = spec_of(restart_strategy::one_for_all, {probed, obedient_child("x", book)});
  low.name = "low";
  low.backoff_initial = low.backoff_max = milliseconds(1);
  return spec_of(restart_strategy::rest_for_one, {obedient_child("a", book), supervised(low), detached});
}

TEST_CASE("1000 supervised trees are made, used and destroyed without a hang or a thread left", "[supervisor]") {
  const std::size_t threads_before = threads_of_this_process();
  for (int cycle = 0; cycle < 1000; ++cycle) {
    runtime world(false);
    const journal book;
    const caf::actor root = need(spawn_supervisor(world.system(), some_tree(book)));
    need(world.ask<void>(root, await_children{}));
    if (cycle % 2 == 0) caf::anon_send(need(world.ask<caf::actor>(root, whereis{"a"})), std::string("throw"));
    if (cycle % 4 == 0) need(world.ask<tree_snapshot>(root, describe_tree{}));
    if (cycle % 3 == 0)
      caf::anon_send_exit(root, caf::exit_reason::kill);
    else
      world.stop(root);
    REQUIRE(world.end_of(root) != "alive");
  }
  CHECK(eventually([&] { return threads_of_this_process() <= threads_before; }));
}

TEST_CASE("10,000 restarts in a row leave nothing behind in the supervisor", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec = spec_of(restart_strategy::one_for_one, {obedient_child("a", book)});
    spec.restarts_max = 1000;
    spec.window = milliseconds(1);
    return spec;
  });
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(test.world.system().scheduler());
  for (int crash = 0; crash < 10'000; ++crash) {
    caf::anon_send(test.child("a"), std::string("error"));
    test.world.advance(milliseconds(2));
    test.book.take();
    test.events.take();
  }
  CHECK(test.is_up("a"));
  // Only what the questions of this test leave: their own timeouts.
  CHECK(scheduler.clock().schedule().size() < 10);
  const tree_snapshot tree = need(test.world.ask<tree_snapshot>(test.root, describe_tree{}));
  CHECK(tree.children.at(0).restarts == 10'000);
  CHECK(tree.children.at(0).incarnation == 10'001);
}

}  // namespace
}  // namespace troupe::test
