#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case window(const char* op, std::int64_t size, bool periodic) {
  return {.op = op, .inputs = {scalar_of(size)}, .attributes = {{"periodic", std::int64_t{periodic}}}, .version = 17};
}

void check_window(const kernel_case& given, std::initializer_list<float> want) {
  const auto count = static_cast<std::int64_t>(want.size());
  CHECK(compare(need(evaluate(given))[0], tensor_of<float>({count}, want), {1e-6, 1e-6}) == "");
}

}  // namespace

TEST_CASE("windows have the values of their definitions") {
  check_window(window("HannWindow", 4, true), {0, 0.5f, 1, 0.5f});
  check_window(window("HannWindow", 5, false), {0, 0.5f, 1, 0.5f, 0});
  check_window(window("HammingWindow", 5, false), {0.0869565f, 0.5434783f, 1, 0.5434783f, 0.0869565f});
  check_window(window("BlackmanWindow", 5, false), {0, 0.34f, 1, 0.34f, 0});
  check_window(window("HannWindow", 1, false), {1});
  kernel_case doubles = window("HannWindow", 2, true);
  doubles.attributes["output_datatype"] = std::int64_t{11};
  check_value(doubles, tensor_of<double>({2}, {0, 1}));
  CHECK(!refusal(window("HannWindow", -1, true)).message().empty());
}
