#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

void check_close(const kernel_case& given, const tensor& want) {
  CHECK(compare(need(evaluate(given))[0], want, {1e-6, 1e-6}) == "");
}

}  // namespace

TEST_CASE("DFT sums a signal with turning weights") {
  const tensor signal = tensor_of<float>({1, 4, 1}, {1, 2, 3, 4});
  const tensor spectrum = tensor_of<float>({1, 4, 2}, {10, 0, -2, 2, -2, 0, -2, -2});
  check_close({.op = "DFT", .inputs = {signal}, .version = 17}, spectrum);
  check_close({.op = "DFT", .inputs = {signal}, .version = 20}, spectrum);
  check_close({.op = "DFT", .inputs = {signal}, .attributes = {{"onesided", std::int64_t{1}}}, .version = 17},
              tensor_of<float>({1, 3, 2}, {10, 0, -2, 2, -2, 0}));
  check_close({.op = "DFT", .inputs = {spectrum}, .attributes = {{"inverse", std::int64_t{1}}}, .version = 17},
              tensor_of<float>({1, 4, 2}, {1, 0, 2, 0, 3, 0, 4, 0}));
  // Padded with zeros to three, and cut to two.
  check_close({.op = "DFT", .inputs = {tensor_of<float>({1, 1, 1}, {5}), scalar_of<std::int64_t>(3)}, .version = 17},
              tensor_of<float>({1, 3, 2}, {5, 0, 5, 0, 5, 0}));
  check_close({.op = "DFT", .inputs = {signal, scalar_of<std::int64_t>(2)}, .version = 17},
              tensor_of<float>({1, 2, 2}, {3, 0, -1, 0}));
  check_close({.op = "DFT",
               .inputs = {tensor_of<float>({2, 2, 1}, {1, 2, 3, 4}), tensor(), scalar_of<std::int64_t>(0)},
               .version = 20},
              tensor_of<float>({2, 2, 2}, {4, 0, 6, 0, -2, 0, -2, 0}));
}

TEST_CASE("STFT transforms frames of a signal under a window") {
  const tensor signal = tensor_of<float>({1, 6, 1}, {1, 2, 3, 4, 5, 6});
  const tensor step = scalar_of<std::int64_t>(2);
  check_close({.op = "STFT", .inputs = {signal, step, tensor(), scalar_of<std::int64_t>(4)}, .version = 17},
              tensor_of<float>({1, 2, 3, 2}, {10, 0, -2, 2, -2, 0, 18, 0, -2, 2, -2, 0}));
  check_close({.op = "STFT", .inputs = {signal, step, tensor_of<float>({2}, {1, 0.5f})}, .version = 17},
              tensor_of<float>({1, 3, 2, 2}, {2, 0, 0, 0, 5, 0, 1, 0, 8, 0, 2, 0}));
}

TEST_CASE("Fourier transforms refuse operands that do not fit") {
  const tensor signal = counting({1, 4, 1});
  const auto code = [](const kernel_case& given) { return refusal(given).code(); };
  CHECK(code({.op = "DFT", .inputs = {counting({1, 4, 3})}, .version = 17}) == errc::invalid_argument);
  CHECK(code({.op = "DFT", .inputs = {signal, scalar_of<std::int64_t>(0)}, .version = 17}) == errc::invalid_argument);
  CHECK(code({.op = "DFT", .inputs = {signal}, .attributes = {{"axis", std::int64_t{2}}}, .version = 17}) ==
        errc::invalid_argument);
  CHECK(code({.op = "STFT", .inputs = {signal, scalar_of<std::int64_t>(0)}, .version = 17}) == errc::invalid_argument);
  CHECK(code({.op = "STFT",
              .inputs = {signal, scalar_of<std::int64_t>(1), tensor(), scalar_of<std::int64_t>(5)},
              .version = 17}) == errc::invalid_argument);
}
