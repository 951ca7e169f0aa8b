// What there is to plan with: asks nodes what they reach, and times the links to them.
#pragma once

#include <caf/actor_system.hpp>

#include "ability_source.hpp"
#include "troupe/engine/planner.hpp"

namespace troupe {

/// Asks all nodes at once, and then times one link after the other: those of one machine share its network card. A few
/// hundred milliseconds for each link, and what the slowest node takes to measure itself. One that is lost or does
/// not answer in time is `unusable`: half of the time is for asking, the rest is shared among the links. Blocks: not
/// for actors.
std::vector<planning_node> survey_nodes(caf::actor_system& actors, const std::vector<caf::actor>& nodes,
                                        const std::vector<std::string>& names, time_point deadline);

/// Times a link by requests of a few sizes; the best of each counts, since anything else was busy with other things.
result<link_ability> time_link(caf::actor_system& actors, const caf::actor& node, time_point deadline);

}  // namespace troupe
