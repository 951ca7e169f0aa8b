#include "simulation/stub_device.hpp"

#include <cstring>
#include <stdexcept>
#include <unordered_map>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::simulation {
namespace {

constexpr std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t z = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2)));
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::uint64_t hash_bytes(std::span<const std::byte> bytes, std::uint64_t from) {
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    from = mixed(from, word);
    bytes = bytes.subspan(8);
  }
  for (const std::byte each : bytes) from = mixed(from, static_cast<std::uint64_t>(each));
  return from;
}

std::uint64_t hash_text(const std::string& text, std::uint64_t from) {
  return hash_bytes(std::as_bytes(std::span(text)), from);
}

constexpr std::int64_t columns_unknown = 8;

class stub_program final : public program {
public:
  explicit stub_program(std::shared_ptr<const graph> part) : part_(std::move(part)) {
    for (const node& step : part_->nodes) identity_ = hash_text(step.name, mixed(identity_, step.outputs.size()));
    positions_ = part_->input_index("positions");
    sequences_ = part_->input_index("sequences");
  }

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point, const cancellation&) override {
    if (inputs.size() != part_->inputs.size())
      return fail(errc::invalid_argument, "{} inputs came, the part has {}", inputs.size(), part_->inputs.size());
    TROUPE_TRY(const std::vector<std::uint64_t> rows, hash_rows(inputs));
    std::vector<tensor> outputs;
    for (const value_id id : part_->outputs) {
      const auto through = std::find(part_->inputs.begin(), part_->inputs.end(), id);
      if (through != part_->inputs.end()) {
        outputs.push_back(inputs[static_cast<std::size_t>(through - part_->inputs.begin())]);
        continue;
      }
      TROUPE_TRY(auto made, fill(part_->values[id], id, rows));
      outputs.push_back(std::move(made));
    }
    return outputs;
  }

  result<run_profile> profile(std::span<const tensor>, time_point, const cancellation&) override {
    return error(errc::unsupported, "a stub has no times");
  }
  program_stats stats() const override { return {}; }

private:
  result<std::vector<std::uint64_t>> hash_rows(std::span<const tensor> inputs) {
    std::size_t rows = 0;
    for (const tensor& each : inputs)
      if (each.type() == dtype::f32 || each.type() == dtype::f16)
        rows = std::max(rows, each.dims().rank() == 0 ? 0 : static_cast<std::size_t>(each.dims()[0]));
    std::vector<std::uint64_t> made(rows, identity_);
    for (const tensor& each : inputs) {
      if ((each.type() != dtype::f32 && each.type() != dtype::f16) || each.dims().rank() == 0 || rows == 0) continue;
      if (static_cast<std::size_t>(each.dims()[0]) != rows)
        return fail(errc::invalid_argument, "inputs of {} and {} rows meet in a stub", each.dims()[0], rows);
      const std::size_t row_bytes = each.byte_size() / rows;
      for (std::size_t row = 0; row < rows; ++row)
        made[row] = hash_bytes(each.bytes().subspan(row * row_bytes, row_bytes), made[row]);
    }
    if (part_->states.empty()) return made;
    if (!positions_ || !sequences_) return error(errc::unsupported, "a stub with states needs positions and sequences");
    const auto positions = inputs[*positions_].as<std::int32_t>(), sequences = inputs[*sequences_].as<std::int32_t>();
    if (positions.size() != rows || sequences.size() != rows)
      return error(errc::invalid_argument, "each row needs its position and its sequence");
    for (std::size_t row = 0; row < rows; ++row) {
      const std::uint64_t place = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(sequences[row])) << 32) |
                                  static_cast<std::uint32_t>(positions[row]);
      // Without what should be there the hash is of nothing, as memory that was never written.
      const auto past = positions[row] > 0 ? kept_.find(place - 1) : kept_.end();
      made[row] = mixed(past == kept_.end() ? 0 : past->second, made[row]);
      kept_[place] = made[row];
    }
    return made;
  }

  result<tensor> fill(const value_info& info, value_id id, const std::vector<std::uint64_t>& rows) {
    // Where passes have forgotten the extents, any number of columns will do: who reads it is a stub as well.
    std::vector<std::int64_t> extents{static_cast<std::int64_t>(rows.size())};
    if (!info.dims) extents.push_back(columns_unknown);
    for (std::size_t axis = 1; info.dims && axis < info.dims->size(); ++axis)
      extents.push_back(std::max<std::int64_t>(1, (*info.dims)[axis].extent));
    TROUPE_TRY(const shape dims, shape::make(extents));
    TROUPE_TRY(tensor made, tensor::make(dtype::f32, dims));
    const auto elements = made.as_mutable<float>();
    const std::size_t width = rows.empty() ? 0 : elements.size() / rows.size();
    for (std::size_t row = 0; row < rows.size(); ++row)
      for (std::size_t i = 0; i < width; ++i)
        elements[row * width + i] = static_cast<float>(mixed(rows[row], i + (std::uint64_t{id} << 20)) >> 53);
    if (info.type == dtype::f32) return made;
    return convert(made, info.type);
  }

  std::shared_ptr<const graph> part_;
  std::uint64_t identity_ = 1;
  std::optional<std::size_t> positions_, sequences_;
  std::unordered_map<std::uint64_t, std::uint64_t> kept_;  ///< by sequence and position
};

class stub_device final : public device {
public:
  stub_device() { info_.name = "stub"; }
  const device_info& info() const noexcept override { return info_; }
  result<std::unique_ptr<program>> load(std::shared_ptr<const graph> part, const program_options&) override {
    return std::unique_ptr<program>(std::make_unique<stub_program>(std::move(part)));
  }

private:
  device_info info_;
};

class conducted_program final : public program {
public:
  conducted_program(std::unique_ptr<program> real, std::shared_ptr<device_conduct> conduct)
      : real_(std::move(real)), conduct_(std::move(conduct)) {
    ++conduct_->programs;
  }
  conducted_program(const conducted_program&) = delete;
  conducted_program& operator=(const conducted_program&) = delete;
  ~conducted_program() override { --conduct_->programs; }

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel) override {
    ++conduct_->steps;
    if (std::exchange(conduct_->throws_next, false)) {
      ++conduct_->thrown;
      throw std::runtime_error("a simulated bug");
    }
    if (const auto code = std::exchange(conduct_->fails_next, std::nullopt)) {
      ++conduct_->lost_steps;
      return error(*code, "the simulated device fails as it was told");
    }
    if (cancel.cancelled()) return error(errc::cancelled, "the caller withdrew the request");
    if (conduct_->now() >= deadline) return error(errc::deadline_exceeded, "the deadline passed during a step");
    // The real device would look at the real clock.
    return real_->run(inputs, time_point::max(), cancel);
  }
  result<run_profile> profile(std::span<const tensor> inputs, time_point deadline,
                              const cancellation& cancel) override {
    return real_->profile(inputs, deadline, cancel);
  }
  program_stats stats() const override { return real_->stats(); }

private:
  std::unique_ptr<program> real_;
  std::shared_ptr<device_conduct> conduct_;
};

class conducted_device final : public device {
public:
  conducted_device(std::shared_ptr<device> real, std::shared_ptr<device_conduct> conduct)
      : real_(std::move(real)), conduct_(std::move(conduct)) {}
  const device_info& info() const noexcept override { return real_->info(); }
  result<std::unique_ptr<program>> load(std::shared_ptr<const graph> part, const program_options& options) override {
    const time_point now = conduct_->now();
    if (conduct_->no_load_until && now < *conduct_->no_load_until) {
      ++conduct_->refused_loads;
      return error(errc::device_lost, "the simulated device does not come up");
    }
    if (conduct_->no_memory_until && now < *conduct_->no_memory_until) {
      ++conduct_->lacked_memory;
      return error(errc::out_of_memory, "the simulated device has no memory left");
    }
    TROUPE_TRY(auto loaded, real_->load(std::move(part), options));
    return std::unique_ptr<program>(std::make_unique<conducted_program>(std::move(loaded), conduct_));
  }

private:
  std::shared_ptr<device> real_;
  std::shared_ptr<device_conduct> conduct_;
};

}  // namespace

std::shared_ptr<device> make_stub_device() {
  return std::make_shared<stub_device>();
}

std::shared_ptr<device> with_conduct(std::shared_ptr<device> real, std::shared_ptr<device_conduct> conduct) {
  return std::make_shared<conducted_device>(std::move(real), std::move(conduct));
}

}  // namespace troupe::simulation
