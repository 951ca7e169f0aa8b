// The few most recently used specialisations of a program.
#pragma once

#include <algorithm>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe {

/// What a specialisation depends on: types and shapes of all inputs, and contents of some.
struct shape_key {
  std::vector<std::int64_t> extents;
  std::string contents;
  friend bool operator==(const shape_key&, const shape_key&) = default;
};

/// `host_inputs`: positions of the inputs whose contents count, see specialize.hpp.
inline shape_key key_of(std::span<const tensor> inputs, std::span<const std::size_t> host_inputs) {
  shape_key key;
  for (const tensor& input : inputs) {
    key.extents.push_back(static_cast<std::int64_t>(input.type()));
    key.extents.push_back(static_cast<std::int64_t>(input.dims().rank()));
    key.extents.insert(key.extents.end(), input.dims().begin(), input.dims().end());
  }
  for (const std::size_t i : host_inputs) {
    const auto bytes = inputs[i].bytes();
    key.contents.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return key;
}

/// Keeps `limits::program_shapes_max` values; the least recently used one goes first.
template <class Value>
class shape_cache {
public:
  /// Nullptr when there is none.
  Value* find(const shape_key& key) {
    const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const auto& entry) { return entry.first == key; });
    if (found == kept_.end()) return nullptr;
    kept_.splice(kept_.begin(), kept_, found);
    return kept_.front().second.get();
  }
  /// Makes room for one more value: call it before the new one takes memory.
  void make_room() {
    while (kept_.size() >= limits::program_shapes_max) kept_.pop_back();
  }
  Value& insert(shape_key key, std::unique_ptr<Value> value) {
    make_room();
    kept_.emplace_front(std::move(key), std::move(value));
    return *kept_.front().second;
  }
  /// The most recently used one; nullptr when nothing was used yet.
  const Value* latest() const { return kept_.empty() ? nullptr : kept_.front().second.get(); }
  std::size_t size() const noexcept { return kept_.size(); }

private:
  std::list<std::pair<shape_key, std::unique_ptr<Value>>> kept_;
};

}  // namespace troupe
