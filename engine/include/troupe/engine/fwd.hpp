// Names of the engine, for headers that need no more than a name.
#pragma once

#include <cstdint>

namespace troupe {

enum class errc : std::uint8_t;
enum class dtype : std::uint8_t;
class error;
class shape;
class tensor;
struct node;
struct graph;
struct operator_definition;
class operator_table;
class program;
class device;
struct device_info;
struct device_options;
struct program_options;
class cancellation;
class clock_source;

}  // namespace troupe
