#include "graph/value_namer.hpp"

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe {

std::string value_namer::fresh(const graph& model, const std::string& base) {
  if (taken_.empty())
    for (const value_info& value : model.values) taken_.insert(value.name);
  const std::string stem = base.substr(0, limits::name_length_max - 24);
  std::string name;
  do {
    name = fmt::format("{}#{}", stem, next_++);
  } while (!taken_.insert(name).second);
  return name;
}

}  // namespace troupe
