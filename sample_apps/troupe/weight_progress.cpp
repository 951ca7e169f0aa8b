#include "weight_progress.hpp"

namespace troupe::app {

weight_progress::weight_progress(console& out, std::string what) : shown_(std::make_shared<display>()) {
  shown_->out = &out;
  shown_->what = std::move(what);
}

std::function<void(const load_progress&)> weight_progress::callback() const {
  return [shown = shown_](const load_progress& news) {
    const std::lock_guard lock(shown->mutex);
    if (!shown->out) return;
    shown->parts[news.part] = news;
    std::uint64_t here = 0, total = 0, moved = 0;
    for (const auto& [part, each] : shown->parts) {
      here += each.bytes_done;
      total += each.bytes_total;
      moved += each.bytes_moved;
    }
    shown->out->progress(fmt::format("loading {}: {} of {} of weights in place, {} sent", shown->what,
                                     text_of_bytes(here), text_of_bytes(total), text_of_bytes(moved)));
  };
}

void weight_progress::stop() {
  const std::lock_guard lock(shown_->mutex);
  shown_->out = nullptr;
}

}  // namespace troupe::app
