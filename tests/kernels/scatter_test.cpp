#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case scatter(const char* op, tensor data, tensor indices, tensor updates, const char* reduction = "none",
                    std::int64_t axis = 0) {
  kernel_case made{.op = op,
                   .inputs = {std::move(data), std::move(indices), std::move(updates)},
                   .attributes = {{"reduction", std::string(reduction)}},
                   .version = 18};
  if (std::string(op) != "ScatterND") made.attributes["axis"] = axis;
  return made;
}

}  // namespace

TEST_CASE("ScatterElements replaces single elements along an axis") {
  const tensor data = tensor_of<float>({1, 5}, {1, 2, 3, 4, 5});
  const tensor updates = tensor_of<float>({1, 2}, {1.5f, 2.5f});
  check_value(scatter("ScatterElements", data, tensor_of<std::int64_t>({1, 2}, {1, -2}), updates, "none", 1),
              tensor_of<float>({1, 5}, {1, 1.5f, 3, 2.5f, 5}));
  kernel_case old = scatter("Scatter", data, tensor_of<std::int64_t>({1, 2}, {1, 3}), updates, "none", 1);
  old.version = 10;
  check_value(old, tensor_of<float>({1, 5}, {1, 1.5f, 3, 2.5f, 5}));
}

TEST_CASE("ScatterND replaces blocks") {
  check_value(scatter("ScatterND", list_of({1, 2, 3, 4}), tensor_of<std::int64_t>({2, 1}, {3, -4}), list_of({9, 8})),
              list_of({8, 2, 3, 9}));
  check_value(
      scatter("ScatterND", counting({2, 2}), tensor_of<std::int64_t>({1, 1}, {1}), tensor_of<float>({1, 2}, {7, 8})),
      tensor_of<float>({2, 2}, {0, 1, 7, 8}));
}

TEST_CASE("updates of the same place are joined in their order") {
  const tensor data = tensor_of<float>({2}, {2, 10});
  const tensor twice = list_of({0, 0});
  const tensor updates = tensor_of<float>({2}, {3, 1});
  const auto check = [&](const char* reduction, float want) {
    check_value(scatter("ScatterElements", data, twice, updates, reduction), tensor_of<float>({2}, {want, 10}));
    check_value(scatter("ScatterND", data, need(twice.reshaped({2, 1})), updates, reduction),
                tensor_of<float>({2}, {want, 10}));
  };
  check("none", 1);
  check("add", 6);
  check("mul", 6);
  check("max", 3);
  check("min", 1);
}

TEST_CASE("scattering keeps every type") {
  for (const dtype type : all_types)
    check_value(scatter("ScatterElements", need(convert(list_of({0, 0}), type)), list_of({1}),
                        need(convert(list_of({1}), type))),
                need(convert(list_of({0, 1}), type)));
  constexpr std::int64_t large = std::int64_t{1} << 62;
  check_value(scatter("ScatterElements", list_of({large}), list_of({0}), list_of({1}), "add"), list_of({large + 1}));
}

TEST_CASE("scattering works between device operators", "[device]") {
  check_kernel(scatter("ScatterElements", random_halves({5, 3}, 1), tensor_of<std::int64_t>({1, 3}, {0, 4, 2}),
                       random_halves({1, 3}, 2)),
               exact);
}

TEST_CASE("scattering refuses operands that do not fit") {
  const tensor data = counting({2, 3});
  const auto code = [](const kernel_case& given) { return refusal(given).code(); };
  const tensor one = tensor_of<std::int64_t>({1, 1}, {0}), update = tensor_of<float>({1, 1}, {0});
  CHECK(code(scatter("ScatterElements", data, tensor_of<std::int64_t>({1, 1}, {2}), update)) == errc::invalid_argument);
  CHECK(code(scatter("ScatterElements", data, one, tensor_of<float>({1, 2}, {0, 0}))) == errc::invalid_argument);
  CHECK(code(scatter("ScatterElements", data, one, one)) == errc::invalid_argument);
  CHECK(code(scatter("ScatterElements", data, list_of({0}), tensor_of<float>({1}, {0}))) == errc::invalid_argument);
  CHECK(code(scatter("ScatterElements", data, one, update, "mean")) == errc::unsupported);
  CHECK(code(scatter("ScatterND", data, tensor_of<std::int64_t>({1, 2}, {0, 3}), tensor_of<float>({1}, {0}))) ==
        errc::invalid_argument);
  CHECK(code(scatter("ScatterND", data, need(tensor::make(dtype::i64, {1, 3})), tensor_of<float>({1}, {0}))) ==
        errc::invalid_argument);
  CHECK(code(scatter("ScatterND", data, tensor_of<std::int64_t>({1, 1}, {0}), tensor_of<float>({1}, {0}))) ==
        errc::invalid_argument);
}
