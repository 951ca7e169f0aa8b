#include "device_half.hpp"

#include "runtime.hpp"

namespace troupe {
namespace {

/// What a library below us throws becomes an error here: an exception must not leave the thread.
template <class Work>
auto contained(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return error(errc::out_of_memory, "the host has no memory for a step");
  } catch (const std::exception& thrown) {
    return error(errc::internal, std::string("a step ended with the exception ") + thrown.what());
  }
}

class device_half final : public caf::event_based_actor {
public:
  device_half(caf::actor_config& config, caf::actor control, shard_options options, cancellation cancel)
      : event_based_actor(config),
        control_(std::move(control)),
        options_(std::move(options)),
        cancel_(std::move(cancel)) {
    quiet(*this);
  }

  const char* name() const override { return "troupe.device"; }

  caf::behavior make_behavior() override {
    // Loading happens as the first message, so that a stop before it is heard.
    send(this, start_atom::value);
    return {[this](start_atom) { load(); },
            [this](compute_msg& work) {
              const time_point started = clock().now();
              auto outcome = contained([&]() -> result<std::vector<tensor>> {
                if (work.segment >= programs_.size() || !programs_[work.segment])
                  return error(errc::internal, "a step came before the program was loaded");
                return programs_[work.segment]->run(work.inputs, work.deadline, cancel_);
              });
              const std::chrono::duration<float> taken = clock().now() - started;
              send(control_, computed_msg{std::move(outcome), taken.count()});
            }};
  }

  /// Devices are released here, not when the last handle to this actor goes.
  void on_exit() override {
    programs_.clear();
    device_.reset();
    options_.network.reset();
    control_ = nullptr;
  }

private:
  using start_atom = caf::atom_constant<caf::atom("start")>;

  void load() {
    std::shared_ptr<const slice_program> loaded;
    auto outcome = contained([&]() -> result<std::string> {
      TROUPE_TRY(device_, options_.open_device());
      TROUPE_TRY(slice_program whole, read_slice(options_.network, *options_.operators, options_.storage));
      for (const slice_segment& segment : whole.segments) {
        programs_.emplace_back();
        if (!segment.network) continue;
        TROUPE_TRY(programs_.back(), device_->load(segment.network, {.storage = options_.storage}));
      }
      loaded = std::make_shared<const slice_program>(std::move(whole));
      return device_->info().name;
    });
    send(control_, device_ready_msg{std::move(outcome), std::move(loaded)});
  }

  caf::actor control_;
  shard_options options_;
  cancellation cancel_;
  std::shared_ptr<device> device_;
  std::vector<std::unique_ptr<program>> programs_;  ///< by segment
};

}  // namespace

caf::actor spawn_device_half(caf::event_based_actor* control, shard_options options, cancellation cancel) {
  return spawn_blocking<device_half>(*control, caf::actor_cast<caf::actor>(control), std::move(options),
                                     std::move(cancel));
}

}  // namespace troupe
