// How far the weights of a model are on their way to other nodes, on the terminal.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "console.hpp"
#include "troupe/system.hpp"

namespace troupe::app {

/// Shows progress while a model is loaded. Callbacks that come later, from actors' threads, find nothing to write to.
class weight_progress {
public:
  weight_progress(console& out, std::string what);
  weight_progress(const weight_progress&) = delete;
  weight_progress& operator=(const weight_progress&) = delete;
  ~weight_progress() { stop(); }

  /// For `load_options::on_progress`.
  std::function<void(const load_progress&)> callback() const;
  void stop();

private:
  struct display {
    std::mutex mutex;
    console* out;
    std::string what;
    std::map<std::uint32_t, load_progress> parts;
  };
  std::shared_ptr<display> shown_;
};

}  // namespace troupe::app
