// DepthToSpace and SpaceToDepth: data that only moves.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case shuffle(const std::string& op, const tensor& x, std::int64_t block, const std::string& mode = "") {
  kernel_case made{.op = op, .inputs = {x}, .attributes = {{"blocksize", block}}};
  if (!mode.empty()) made.attributes["mode"] = mode;
  return made;
}

}  // namespace

TEST_CASE("DepthToSpace puts channels into blocks in either order") {
  // Channels 0 to 7 with two positions each; the first digit is the channel.
  const auto x = tensor_of<float>({1, 8, 1, 2}, {0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61, 70, 71});
  const auto dcr = tensor_of<float>({1, 2, 2, 4}, {0, 20, 1, 21, 40, 60, 41, 61, 10, 30, 11, 31, 50, 70, 51, 71});
  check_value(shuffle("DepthToSpace", x, 2), dcr);
  check_value(shuffle("DepthToSpace", x, 2, "DCR"), dcr);
  check_value(shuffle("DepthToSpace", x, 2, "CRD"),
              tensor_of<float>({1, 2, 2, 4}, {0, 10, 1, 11, 20, 30, 21, 31, 40, 50, 41, 51, 60, 70, 61, 71}));
}

TEST_CASE("SpaceToDepth undoes a DepthToSpace") {
  for (const dtype type : all_types) {
    const tensor x = counting({2, 12, 3, 5}, type);
    const auto there = need(evaluate(shuffle("DepthToSpace", x, 2)));
    const auto back = need(evaluate(shuffle("SpaceToDepth", there.at(0), 2)));
    CHECK(bitwise_equal(back.at(0), x));
  }
}

TEST_CASE("devices shuffle blocks like the definition", "[device]") {
  for (const std::int64_t block : {1, 2, 3, 4})
    for (const std::int64_t columns : {1, 5, 8}) {
      INFO("block " << block << ", columns " << columns);
      const tensor deep = random_halves({2, 3 * block * block, 4, columns}, 1);
      check_kernel(shuffle("DepthToSpace", deep, block, "DCR"), exact);
      check_kernel(shuffle("DepthToSpace", deep, block, "CRD"), exact);
      check_kernel(shuffle("SpaceToDepth", random_halves({2, 3, 4 * block, columns * block}, 1), block), exact);
    }
}

TEST_CASE("blocks that do not divide are refused") {
  CHECK(refusal(shuffle("DepthToSpace", counting({1, 6, 2, 2}), 2)).message().find("6 channels") != std::string::npos);
  CHECK(refusal(shuffle("SpaceToDepth", counting({1, 6, 2, 3}), 2)).message().find("2 x 3") != std::string::npos);
  CHECK(refusal(shuffle("SpaceToDepth", counting({1, 6, 2}), 2)).message().find("[N, C, H, W]") != std::string::npos);
  CHECK(refusal(shuffle("DepthToSpace", counting({1, 4, 2, 2}), 0)).message().find("blocksize") != std::string::npos);
  CHECK(refusal(shuffle("DepthToSpace", counting({1, 4, 2, 2}), 2, "RCD")).message().find("RCD") != std::string::npos);
}
