// Products with weights in block formats on a device, in both families of kernels and both storage types.
#include "support/linear_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Columns of the layers that share one x: a lone one, those around a block of eight, and of several tiles.
constexpr std::int64_t column_counts[] = {1, 7, 8, 65, 300};

/// The result is rounded to binary16, and so is x beforehand, which costs a sum of 1,024 terms of random signs less
/// than the rounding of the largest result.
constexpr bound f16_bound = two_roundings;
/// Sums in fp32 of at most 1,024 products, in another order than the reference's.
constexpr bound f32_bound{4e-6, 4e-6};

/// A layer for each of `column_counts`.
graph layers(block_format format, std::int64_t inner) {
  graph made;
  const value_id x = made.add_value({"x", dtype::f32, true, std::nullopt});
  made.inputs.push_back(x);
  for (const std::int64_t columns : column_counts) {
    const std::string name = std::to_string(columns);
    const tensor weight = random_blocks(format, columns, inner, static_cast<std::uint64_t>(columns + inner));
    const value_id y = made.add_value({"y" + name, dtype::f32, false, std::nullopt});
    made.nodes.push_back(
        {.op = "Linear",
         .domain = "troupe",
         .name = "linear" + name,
         .version = 1,
         .inputs = {x, no_value, made.add_constant("w" + name, weight)},
         .outputs = {y},
         .attributes = {{"formats", std::vector<std::string>{std::string(to_string(format))}}, {"columns", inner}}});
    made.outputs.push_back(y);
  }
  return made;
}

std::vector<tensor> run_layers(const std::string& device_name, const graph& model, const tensor& x,
                               program_options options = {}, kernel_family family = kernel_family::automatic) {
  const auto opened = need(open_device(device_name, operators(), {.kernels = family}));
  const auto loaded = need(opened->load(std::make_shared<const graph>(model), options));
  return need(loaded->run(std::vector{x}, steady_clock::now() + std::chrono::minutes(2)));
}

/// Every family and storage type, with `all` rows and with each of `fewer` rows of them: within the bound of the
/// reference, and the same bits for a row whatever stands beside it.
void check_layers(block_format format, std::int64_t inner, std::int64_t all,
                  std::initializer_list<std::int64_t> fewer) {
  const graph model = layers(format, inner);
  const tensor x = random_halves({all, inner}, static_cast<std::uint64_t>(inner));
  const auto want = run_layers("reference", model, x);
  for (const kernel_family family : {kernel_family::software, kernel_family::gpu})
    for (const dtype storage : {dtype::f16, dtype::f32}) {
      const auto opened = need(open_device("", operators(), {.kernels = family}));
      const auto loaded = need(opened->load(std::make_shared<const graph>(model), {.storage = storage}));
      const auto run = [&](std::int64_t rows) {
        return need(loaded->run(std::vector{need(x.rows(0, rows))}, steady_clock::now() + std::chrono::minutes(2)));
      };
      const auto got = run(all);
      for (std::size_t i = 0; i < want.size(); ++i) {
        INFO(to_string(format) << ", " << all << " x " << inner << " x " << column_counts[i] << ", kernels "
                               << static_cast<int>(family) << ", storage " << to_string(storage));
        CHECK(compare(got.at(i), want[i], storage == dtype::f16 ? f16_bound : f32_bound) == "");
      }
      for (const std::int64_t rows : fewer) {
        const auto some = run(rows);
        for (std::size_t i = 0; i < want.size(); ++i) {
          INFO(to_string(format) << ", " << rows << " of " << all << " x " << inner << " x " << column_counts[i]
                                 << ", kernels " << static_cast<int>(family) << ", storage " << to_string(storage));
          CHECK(bitwise_equal(some.at(i), need(got.at(i).rows(0, rows))));
        }
      }
    }
}

/// Two products whose results nobody else reads: one ends in a sum with a residual, one in a gated activation. With
/// `apart`, the caller reads the products, too, so that they stay separate dispatches.
graph layers_with_ends(block_format format, std::int64_t inner, std::int64_t columns, bool apart) {
  graph made;
  const auto input = [&](const char* name) {
    made.inputs.push_back(made.add_value({name, dtype::f32, true, std::nullopt}));
    return made.inputs.back();
  };
  const auto add = [&](std::string op, std::string domain, std::vector<value_id> inputs,
                       std::map<std::string, attribute, std::less<>> attributes) {
    const value_id y = made.add_value({"y" + std::to_string(made.nodes.size()), dtype::f32, false, std::nullopt});
    made.nodes.push_back({.op = op,
                          .domain = domain,
                          .name = op + std::to_string(made.nodes.size()),
                          .version = domain.empty() ? 13 : 1,
                          .inputs = std::move(inputs),
                          .outputs = {y},
                          .attributes = std::move(attributes)});
    return y;
  };
  const auto product = [&](value_id x, const std::string& name, std::int64_t rows) {
    const tensor weight = random_blocks(format, rows, inner, static_cast<std::uint64_t>(rows + inner));
    return add("Linear", "troupe", {x, no_value, made.add_constant(name, weight)},
               {{"formats", std::vector<std::string>{std::string(to_string(format))}}, {"columns", inner}});
  };
  const value_id x = input("x"), residual = input("residual");
  const value_id first = product(x, "down", columns), second = product(x, "gate_up", 2 * columns);
  made.outputs = {add("Add", "", {residual, first}, {}),
                  add("GatedActivation", "troupe", {second}, {{"activation", std::string("silu")}})};
  if (apart) made.outputs.insert(made.outputs.end(), {first, second});
  return made;
}

}  // namespace

TEST_CASE("weights of 32 elements a block multiply as they say", "[device]") {
  const auto format =
      GENERATE(block_format::q8_0, block_format::q4_0, block_format::q4_1, block_format::q5_0, block_format::q5_1);
  for (const std::int64_t inner : {32, 64, 96, 256, 1024}) check_layers(format, inner, 3, {1});
}

TEST_CASE("weights of 256 elements a block multiply as they say", "[device]") {
  const auto format =
      GENERATE(block_format::q2_k, block_format::q3_k, block_format::q4_k, block_format::q5_k, block_format::q6_k);
  for (const std::int64_t inner : {256, 1024}) check_layers(format, inner, 3, {1});
}

TEST_CASE("weights of floats multiply as they say", "[device]") {
  const auto format = GENERATE(block_format::f32, block_format::f16, block_format::bf16);
  for (const std::int64_t inner : {1, 7, 40, 64, 96, 259, 1024}) check_layers(format, inner, 3, {1});
}

TEST_CASE("a row of a linear layer has the same bits among any number of rows", "[device]") {
  const auto format = GENERATE(from_range(std::begin(all_block_formats), std::end(all_block_formats)));
  check_layers(format, size_of(format).elements == 256 ? 512 : 288, 130, {1, 2, 3, 5, 8, 16, 33});
}

TEST_CASE("sums and gates that end a product have the bits of separate dispatches", "[device]") {
  const auto format = GENERATE(block_format::f16, block_format::q8_0, block_format::q4_0);
  const auto columns = GENERATE(12, 88, 264);  // not whole blocks, gates in a part of a tile, several tiles
  constexpr std::int64_t inner = 96;
  for (const kernel_family family : {kernel_family::software, kernel_family::gpu})
    for (const dtype storage : {dtype::f16, dtype::f32}) {
      const auto opened = need(open_device("", operators(), {.kernels = family}));
      const auto load = [&](bool apart) {
        return need(opened->load(std::make_shared<const graph>(layers_with_ends(format, inner, columns, apart)),
                                 {.storage = storage}));
      };
      const auto joined = load(false), apart = load(true);
      for (const std::int64_t rows : {1, 3, 16, 33}) {
        INFO(to_string(format) << ", " << rows << " x " << inner << " x " << columns << ", kernels "
                               << static_cast<int>(family) << ", storage " << to_string(storage));
        const std::vector<tensor> inputs{random_halves({rows, inner}, 1), random_halves({rows, columns}, 2)};
        const auto deadline = steady_clock::now() + std::chrono::minutes(2);
        const auto got = need(joined->run(inputs, deadline)), want = need(apart->run(inputs, deadline));
        CHECK(bitwise_equal(got.at(0), want.at(0)));
        CHECK(bitwise_equal(got.at(1), want.at(1)));
        const auto profile = need(joined->profile(inputs, deadline));
        CHECK(profile.nodes.size() == 2);
      }
    }
}
