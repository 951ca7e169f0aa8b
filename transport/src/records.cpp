#include "troupe/transport/records.hpp"

#include "troupe/transport/permission.hpp"

namespace troupe::wire {
lane lane_of(const envelope& letter) noexcept {
  if (std::holds_alternative<chunk>(letter.body)) return lane::background;
  const bool is_bulk =
      std::holds_alternative<load_part>(letter.body) || std::holds_alternative<unload_part>(letter.body) ||
      std::holds_alternative<unload_plan>(letter.body) || std::holds_alternative<step>(letter.body) ||
      std::holds_alternative<link_probe>(letter.body) || std::holds_alternative<open_stream>(letter.body) ||
      std::holds_alternative<stream_part>(letter.body) || std::holds_alternative<stream_ack>(letter.body);
  return is_bulk ? lane::bulk : lane::control;
}

std::string_view name_of(const body& record) noexcept {
  return record_rules[record.valueless_by_exception() ? 0 : record.index()].name;
}

}  // namespace troupe::wire
