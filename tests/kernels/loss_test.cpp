#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case loss(const char* op, std::vector<tensor> inputs, const char* reduction) {
  return {.op = op, .inputs = std::move(inputs), .attributes = {{"reduction", std::string(reduction)}}};
}

}  // namespace

TEST_CASE("the negative log likelihood is that of the labels") {
  const tensor scores = tensor_of<float>({3, 2}, {-1, -2, -3, -4, -5, -6});
  const tensor labels = list_of({0, 1, 1});
  check_value(loss("NegativeLogLikelihoodLoss", {scores, labels}, "none"), tensor_of<float>({3}, {1, 4, 6}));
  check_value(loss("NegativeLogLikelihoodLoss", {scores, labels}, "sum"), scalar_of(11.0f));
  check_value(loss("NegativeLogLikelihoodLoss", {scores, list_of({0, 1, 0})}, "mean"), scalar_of(10.0f / 3));
  const tensor weights = tensor_of<float>({2}, {1, 3});
  check_value(loss("NegativeLogLikelihoodLoss", {scores, labels, weights}, "mean"), scalar_of(31.0f / 7));
  kernel_case ignoring = loss("NegativeLogLikelihoodLoss", {scores, list_of({0, -7, 1})}, "mean");
  ignoring.attributes["ignore_index"] = std::int64_t{-7};
  check_value(ignoring, scalar_of(3.5f));
  check_value(loss("NegativeLogLikelihoodLoss",
                   {tensor_of<float>({1, 2, 2}, {-1, -2, -3, -4}), tensor_of<std::int64_t>({1, 2}, {1, 0})}, "none"),
              tensor_of<float>({1, 2}, {3, 2}));
}

TEST_CASE("the cross entropy takes the softmax first") {
  kernel_case given = loss("SoftmaxCrossEntropyLoss", {tensor_of<float>({1, 2}, {0, 0}), list_of({1})}, "mean");
  given.outputs = 2;
  const auto got = need(evaluate(given));
  CHECK(got[0].as<float>()[0] == Approx(0.6931471806));
  CHECK(got[1].as<float>()[0] == Approx(-0.6931471806));
  CHECK(got[1].as<float>()[1] == Approx(-0.6931471806));
}

TEST_CASE("losses refuse operands that do not fit") {
  const tensor scores = counting({2, 3});
  const auto code = [](std::vector<tensor> inputs, const char* reduction = "mean") {
    return refusal(loss("NegativeLogLikelihoodLoss", std::move(inputs), reduction)).code();
  };
  CHECK(code({scores, list_of({0, 3})}) == errc::invalid_argument);
  CHECK(code({scores, list_of({0, -1})}) == errc::invalid_argument);
  CHECK(code({scores, list_of({0})}) == errc::invalid_argument);
  CHECK(code({scores, list_of({0, 1}), counting({2})}) == errc::invalid_argument);
  CHECK(code({list_of({0, 1}), list_of({0, 1})}) == errc::invalid_argument);
  CHECK(code({scores, list_of({0, 1})}, "median") == errc::invalid_argument);
}
