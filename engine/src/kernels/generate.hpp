// Operators that make data of parameters alone.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// Elements of Range's result: ceil((limit - start) / delta), at least 0. The operands are scalars of one type.
result<std::int64_t> range_length(const node& step, const tensor& start, const tensor& limit, const tensor& delta);

}  // namespace troupe
