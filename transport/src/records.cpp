#include "troupe/transport/records.hpp"

#include <array>

namespace troupe::wire {
namespace {

// In the order of `body`.
constexpr std::array<std::string_view, std::variant_size_v<body>> names{
    "nothing", "error",       "ok",          "load_part",           "part_up",     "part_failed",  "unload_plan",
    "step",    "step_failed", "cancel",      "node_status_request", "node_status", "connect_peer", "ping",
    "pong",    "kill_part",   "unload_part", "node_leaving"};

}  // namespace

lane lane_of(const envelope& letter) noexcept {
  const bool is_bulk = std::holds_alternative<load_part>(letter.body) ||
                       std::holds_alternative<unload_part>(letter.body) ||
                       std::holds_alternative<unload_plan>(letter.body) || std::holds_alternative<step>(letter.body);
  return is_bulk ? lane::bulk : lane::control;
}

std::string_view name_of(const body& record) noexcept {
  return record.valueless_by_exception() ? names[0] : names[record.index()];
}

}  // namespace troupe::wire
