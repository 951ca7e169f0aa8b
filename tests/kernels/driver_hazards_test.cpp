// Long work of one result. Mesa 22.3 ends an invocation's loops after 65,535 rounds in all, nested or one after
// another, without a word: a kernel that walks further gives a wrong result there and a right one everywhere else. The
// kernels of every family are tried, since any of them may meet such a driver.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

using list = std::vector<std::int64_t>;

namespace {

void check_families(const kernel_case& given, bound fp16, bound fp32 = {1e-5, 1e-5}) {
  const auto want = run_on("reference", given, dtype::f32);
  for (const kernel_family family : {kernel_family::software, kernel_family::gpu, kernel_family::cooperative})
    for (const dtype storage : {dtype::f16, dtype::f32}) {
      const auto opened = need(open_device("", operators(), {.kernels = family}));
      const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {.storage = storage}));
      const auto got = need(loaded->run(given.inputs, steady_clock::now() + std::chrono::seconds(120)));
      INFO(given.op << " of " << given.inputs[0].dims().to_string() << ", family " << static_cast<int>(family)
                    << ", storage " << to_string(storage));
      CHECK(compare(got.at(0), want.at(0), storage == dtype::f16 ? fp16 : fp32) == "");
    }
}

}  // namespace

TEST_CASE("a softmax over 64,000 elements is whole on every driver", "[device]") {
  // Logits far apart, so that results are not lost below what binary16 tells from zero.
  check_families({.op = "Softmax", .inputs = {random_tensor({3, 64000}, 1, -4, 12)}}, {2e-3, 3e-3});
  check_families({.op = "LogSoftmax", .inputs = {random_tensor({2, 64000}, 2, -4, 4)}}, {2e-3, 3e-3});
  check_families(
      {.op = "Softmax", .inputs = {random_tensor({64000, 3}, 3, -4, 12)}, .attributes = {{"axis", std::int64_t{0}}}},
      {2e-3, 3e-3});
}

TEST_CASE("a reduction over 300 x 300 elements is whole on every driver", "[device]") {
  for (const char* op : {"ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"}) {
    check_families({.op = op, .inputs = {random_tensor({2, 300, 300}, 1, 1, 3)}, .attributes = {{"axes", list{1, 2}}}},
                   two_roundings);
    check_families({.op = op, .inputs = {random_tensor({300, 300, 3}, 2, 1, 3)}, .attributes = {{"axes", list{0, 1}}}},
                   two_roundings);
  }
}

TEST_CASE("windows of 300 x 300 elements are whole on every driver", "[device]") {
  for (const char* op : {"AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool"}) {
    kernel_case given{.op = op, .inputs = {random_tensor({1, 3, 300, 300}, 1, 1, 3)}};
    if (given.op.find("Global") != 0) given.attributes = {{"kernel_shape", list{300, 300}}};
    check_families(given, two_roundings);
  }
  check_families({.op = "Conv", .inputs = {random_tensor({1, 1, 300, 301}, 1), random_tensor({5, 1, 300, 300}, 2)}},
                 rounded_products);
  check_families({.op = "Conv",
                  .inputs = {random_tensor({1, 2, 301, 300}, 1), random_tensor({2, 1, 300, 300}, 2)},
                  .attributes = {{"group", std::int64_t{2}}}},
                 rounded_products);
}
