#include "troupe/engine/tensor_cut.hpp"

#include <cmath>

#include "support/digits.hpp"
#include "support/graph_builder.hpp"
#include "support/slice_run.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

const operator_table& operators() {
  static const operator_table table = builtin_operators();
  return table;
}

/// Weights that keep values of about size one.
tensor weights_of(const shape& dims, std::int64_t terms, std::uint64_t seed) {
  tensor made = random_tensor(dims, seed);
  for (float& value : made.as_mutable<float>()) value /= std::sqrt(static_cast<float>(terms));
  return made;
}

graph in_opset(graph model, int version) {
  for (node& step : model.nodes) step.version = version;
  need(optimize(model, operators()));
  return model;
}

std::vector<graph> cut(const graph& model, const std::vector<double>& shares) {
  auto slices = need(cut_tensor(model, shares, operators()));
  REQUIRE(slices.size() == shares.size());
  return slices;
}

std::size_t weight_bytes(const graph& model) {
  return model.constant_bytes();
}

/// Largest difference, as a part of the largest magnitude of the first.
double difference(const tensor& want, const tensor& got) {
  REQUIRE(want.dims() == got.dims());
  const tensor a = need(convert(want, dtype::f32)), b = need(convert(got, dtype::f32));
  double scale = 0.1, most = 0;  // inputs are of about size one: less is the noise of what cancels
  for (std::size_t i = 0; i < a.elements(); ++i) {
    scale = std::max(scale, std::abs(static_cast<double>(a.as<float>()[i])));
    most = std::max(most, std::abs(static_cast<double>(a.as<float>()[i]) - static_cast<double>(b.as<float>()[i])));
  }
  return most / scale;
}

/// Two products with an activation between, and a residual around them.
graph feed_forward() {
  graph_builder builder;
  builder.input("x", dtype::f32, {-1, 24});
  builder.constant("up", weights_of({24, 40}, 24, 1)).constant("up_bias", random_tensor({40}, 2));
  builder.constant("down", weights_of({40, 24}, 40, 3)).constant("down_bias", random_tensor({24}, 4));
  builder.step("MatMul", {"x", "up"}, {"u"}).step("Add", {"u", "up_bias"}, {"ub"}).step("Relu", {"ub"}, {"r"});
  builder.step("MatMul", {"r", "down"}, {"d"}).step("Add", {"d", "down_bias"}, {"db"}).step("Add", {"x", "db"}, {"y"});
  return in_opset(builder.declare("y", dtype::f32, {-1, 24}).output("y").build(), 17);
}

/// A block of a transformer: four heads, then two products.
graph encoder() {
  const std::int64_t width = 32;
  graph_builder builder;
  builder.input("x", dtype::f32, {-1, 5, width}).ints("split", {0, 5, 4, 8}).ints("join", {0, 5, width});
  builder.floats("one", {width}, std::vector<float>(width, 1.0f));
  builder.step("LayerNormalization", {"x", "one"}, {"n"});
  std::uint64_t seed = 10;
  const auto matrix = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
    builder.constant(name, weights_of({rows, columns}, rows, ++seed));
  };
  for (const std::string part : {"q", "k", "v"}) {
    matrix("w" + part, width, width);
    builder.constant("b" + part, random_tensor({width}, ++seed));
    builder.step("MatMul", {"n", "w" + part}, {part + "0"}).step("Add", {part + "0", "b" + part}, {part + "1"});
    builder.step("Reshape", {part + "1", "split"}, {part + "2"});
    builder.step("Transpose", {part + "2"}, {part + "3"}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
  }
  builder.step("Attention", {"q3", "k3", "v3"}, {"a"});
  builder.step("Transpose", {"a"}, {"at"}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
  builder.step("Reshape", {"at", "join"}, {"aj"});
  matrix("wo", width, width);
  builder.step("MatMul", {"aj", "wo"}, {"o"}).step("Add", {"x", "o"}, {"s"});
  builder.step("LayerNormalization", {"s", "one"}, {"m"});
  matrix("w1", width, 48);
  matrix("w2", 48, width);
  builder.step("MatMul", {"m", "w1"}, {"h"}).step("Gelu", {"h"}, {"g"}).step("MatMul", {"g", "w2"}, {"d"});
  builder.step("Add", {"s", "d"}, {"y"});
  return in_opset(builder.declare("y", dtype::f32, {-1, 5, width}).output("y").build(), 23);
}

}  // namespace

TEST_CASE("one slice is the model") {
  const graph model = feed_forward();
  const std::vector<double> one{1};
  CHECK(need(cut_tensor(model, one, operators()))[0].nodes.size() == model.nodes.size());
}

TEST_CASE("two products need one exchange, which sums") {
  const graph model = feed_forward();
  const std::vector<tensor> inputs{random_tensor({3, 24}, 7)};
  const tensor want = reference_run(model, operators(), inputs, dtype::f16)[0];
  for (const std::size_t count : {2, 3, 4, 8}) {
    const auto got = run_slices(cut(model, std::vector<double>(count, 1.0)), operators(), inputs);
    CAPTURE(count);
    CHECK(got.exchanges == 1);
    CHECK(got.sums);
    CHECK(difference(want, got.outputs[0]) < 4e-3);
  }
}

TEST_CASE("a block of a transformer is cut by heads and needs two exchanges") {
  const graph model = encoder();
  const std::vector<tensor> inputs{random_tensor({2, 5, 32}, 8)};
  const tensor want = reference_run(model, operators(), inputs, dtype::f16)[0];
  for (const std::size_t count : {2, 4}) {
    CAPTURE(count);
    const auto slices = cut(model, std::vector<double>(count, 1.0));
    const auto got = run_slices(slices, operators(), inputs);
    CHECK(got.exchanges == 2);
    CHECK(difference(want, got.outputs[0]) < 4e-3);
    for (const graph& slice : slices)
      CHECK(weight_bytes(slice) < weight_bytes(model) / count + weight_bytes(model) / 8);
  }
  // More slices than heads: the projections are cut by columns, attention is done by all.
  const auto got = run_slices(cut(model, std::vector<double>(6, 1.0)), operators(), inputs);
  CHECK(difference(want, got.outputs[0]) < 4e-3);
}

TEST_CASE("slices are sized in proportion to their shares") {
  const graph model = encoder();
  const auto slices = cut(model, {3, 1});
  const std::vector<tensor> inputs{random_tensor({1, 5, 32}, 9)};
  CHECK(difference(reference_run(model, operators(), inputs, dtype::f16)[0],
                   run_slices(slices, operators(), inputs).outputs[0]) < 4e-3);
  const double part = static_cast<double>(weight_bytes(slices[1])) / static_cast<double>(weight_bytes(slices[0]));
  CHECK(part > 0.25);
  CHECK(part < 0.45);
}

TEST_CASE("where slices only concatenate they compute the bits of the whole model") {
  const graph digits = [] {
    graph made = digits_network();
    need(optimize(made, operators()));
    return made;
  }();
  const std::vector<tensor> inputs{digits_batch(2)};
  const auto whole = reference_run(digits, operators(), inputs, dtype::f16);
  for (const std::size_t count : {2, 3, 4}) {
    CAPTURE(count);
    const auto got = run_slices(cut(digits, std::vector<double>(count, 1.0)), operators(), inputs);
    if (!got.sums) CHECK(bitwise_equal(whole[0], got.outputs[0]));
    CHECK(difference(whole[0], got.outputs[0]) < 4e-3);
  }

  graph_builder builder;
  builder.input("x", dtype::f32, {-1, 3, 10, 10});
  builder.constant("w1", weights_of({16, 3, 3, 3}, 27, 1)).constant("b1", random_tensor({16}, 2));
  builder.constant("wd", weights_of({16, 1, 3, 3}, 9, 3)).constant("w2", weights_of({16, 16, 1, 1}, 16, 4));
  builder.constant("w3", weights_of({32, 16, 3, 3}, 144, 5)).constant("scale", random_tensor({16, 1, 1}, 6));
  const std::vector<std::int64_t> same{1, 1, 1, 1}, two{2, 2};
  builder.step("Conv", {"x", "w1", "b1"}, {"c1"}, {{"pads", same}}).step("Relu", {"c1"}, {"r1"});
  builder.step("Conv", {"r1", "wd"}, {"c2"}, {{"pads", same}, {"group", std::int64_t{16}}});
  builder.step("Conv", {"c2", "w2"}, {"c3"}).step("Mul", {"c3", "scale"}, {"m"}).step("Add", {"m", "r1"}, {"s"});
  builder.step("MaxPool", {"s"}, {"p"}, {{"kernel_shape", two}, {"strides", two}});
  builder.step("Conv", {"p", "w3"}, {"c4"}, {{"pads", same}}).step("GlobalAveragePool", {"c4"}, {"g"});
  builder.step("Flatten", {"g"}, {"f"}).step("Sigmoid", {"f"}, {"y"});
  const graph model = in_opset(builder.output("y").output("s").build(), 17);
  const std::vector<tensor> image{random_tensor({2, 3, 10, 10}, 11)};
  const auto want = reference_run(model, operators(), image, dtype::f16);
  for (const std::size_t count : {2, 3, 5, 16}) {
    CAPTURE(count);
    const auto got = run_slices(cut(model, std::vector<double>(count, 1.0)), operators(), image);
    CHECK_FALSE(got.sums);
    REQUIRE(got.outputs.size() == 2);
    CHECK(bitwise_equal(want[0], got.outputs[0]));
    CHECK(bitwise_equal(want[1], got.outputs[1]));
  }
}

namespace {

/// A chain of layers over [n, 12, 6] with every rule in it, drawn by chance.
graph random_network(random_source& random, std::size_t length) {
  graph_builder builder;
  builder.input("v0", dtype::f32, {-1, 12, 6});
  builder.ints("fold", {0, 3, 4, 6}).ints("unfold", {0, 12, 6}).ints("axes", {1}).ints("from", {0}).ints("to", {3});
  builder.ints("halves", {6, 6}).ints("two", {2});
  std::vector<std::string> seen{"v0"};  // all of this shape
  std::int64_t made = 0;
  const auto fresh = [&] { return "t" + std::to_string(++made); };
  const auto last = [&] { return seen.back(); };
  const auto weights = [&](const shape& dims, std::int64_t terms) {
    const std::string name = fresh();
    builder.constant(name, weights_of(dims, terms, random.next()));
    return name;
  };
  for (std::size_t i = 0; i < length; ++i) {
    const std::string to = "v" + std::to_string(i + 1), a = fresh(), b = fresh(), c = fresh(), d = fresh();
    switch (random.below(13)) {
      case 0:
        builder.step("Conv", {last(), weights({12, 12, 3}, 36)}, {to}, {{"pads", std::vector<std::int64_t>{1, 1}}});
        break;
      case 1: builder.step("Conv", {last(), weights({12, 4, 1}, 4)}, {to}, {{"group", std::int64_t{3}}}); break;
      case 2:
        builder.step("MatMul", {last(), weights({6, 10}, 6)}, {a}).step("Relu", {a}, {b});
        builder.step("MatMul", {b, weights({10, 6}, 10)}, {to});
        break;
      case 3: builder.step("Sigmoid", {last()}, {to}); break;
      case 4: builder.step("Add", {last(), seen[random.below(seen.size())]}, {to}); break;
      case 5: builder.step("Mul", {last(), weights({12, 1}, 1)}, {to}); break;
      case 6:
        builder.step("Transpose", {last()}, {a}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
        builder.step("MatMul", {a, weights({12, 12}, 12)}, {b});
        builder.step("Transpose", {b}, {to}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
        break;
      case 7:
        builder.step("Reshape", {last(), "fold"}, {a}).step("Softmax", {a}, {b}, {{"axis", std::int64_t{2}}});
        builder.step("Reshape", {b, "unfold"}, {to});
        break;
      case 8:
        builder.step("Split", {last(), "halves"}, {a, b}, {{"axis", std::int64_t{1}}});
        builder.step("Concat", {b, a}, {to}, {{"axis", std::int64_t{1}}});
        break;
      case 9:
        builder.step("ReduceMax", {last(), "two"}, {a}, {{"keepdims", std::int64_t{1}}});
        builder.step("Sub", {last(), a}, {to});
        break;
      case 10:
        builder.step("Reshape", {last(), "fold"}, {a});
        builder.step("Transpose", {a}, {a + "t"}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}});
        builder.step("MatMul", {a, a + "t"}, {b});
        builder.step("Softmax", {b}, {c}).step("MatMul", {c, a}, {d}).step("Reshape", {d, "unfold"}, {to});
        break;
      case 11:
        builder.step("Slice", {last(), "from", "to", "axes"}, {a});
        builder.step("Conv", {a, weights({12, 3, 1}, 3)}, {to});
        break;
      default: builder.step("AveragePool", {last()}, {to}, {{"kernel_shape", std::vector<std::int64_t>{1}}}); break;
    }
    seen.push_back(to);
  }
  graph model = builder.output(last()).output(seen[seen.size() / 2]).build();
  return model;
}

}  // namespace

TEST_CASE("random networks give the same result in slices") {
  const std::uint64_t seed = 20261121;
  CAPTURE(seed);
  random_source random(seed);
  std::size_t exchanges = 0, exact = 0;
  for (int round = 0; round < 150; ++round) {
    CAPTURE(round);
    const graph model = in_opset(random_network(random, 1 + random.below(12)), 18);
    const std::size_t count = 2 + random.below(3);
    std::vector<double> shares;
    for (std::size_t k = 0; k < count; ++k) shares.push_back(1 + static_cast<double>(random.below(4)));
    const auto slices = need(cut_tensor(model, shares, operators()));
    if (slices.size() == 1) continue;  // nothing to divide
    std::string steps;
    for (const node& step : model.nodes) steps += step.op + " ";
    CAPTURE(steps, shares);
    const std::vector<tensor> inputs{random_tensor({2, 12, 6}, random.next())};
    const auto want = reference_run(model, operators(), inputs, dtype::f16);
    const auto got = run_slices(slices, operators(), inputs);
    exchanges += got.exchanges;
    REQUIRE(got.outputs.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      CAPTURE(i, want[i].describe());
      if (!got.sums) {
        REQUIRE(bitwise_equal(want[i], got.outputs[i]));
        ++exact;
      }
      REQUIRE(difference(want[i], got.outputs[i]) < 1e-2);
    }
  }
  CHECK(exchanges > 150);
  CHECK(exact > 30);
}

TEST_CASE("a model in which nothing can be divided stays whole") {
  const std::vector<double> two{1, 1};
  const graph plain = [] {
    graph_builder builder;
    builder.input("x", dtype::f32, {-1, 4}).step("Relu", {"x"}, {"y"}).output("y");
    return in_opset(builder.build(), 17);
  }();
  CHECK(need(cut_tensor(plain, two, operators())).size() == 1);
  CHECK(need(cut_tensor(feed_forward(), std::vector<double>(60, 1.0), operators())).size() == 1);  // too few columns
}

TEST_CASE("shares that are none are refused") {
  CHECK_FALSE(cut_tensor(feed_forward(), std::vector<double>(300, 1.0), operators()));
  CHECK_FALSE(cut_tensor(feed_forward(), std::vector<double>{1, 0}, operators()));
  CHECK_FALSE(cut_tensor(feed_forward(), std::vector<double>{}, operators()));
}

TEST_CASE("a slice that was damaged on its way is refused or computes, and never crashes") {
  const auto slices = cut(encoder(), {1, 1});
  random_source random(5);
  std::size_t refused = 0;
  for (int round = 0; round < 200; ++round) {
    graph slice = slices[random.below(2)];
    std::vector<node*> exchanges;
    for (node& step : slice.nodes)
      if (step.op == exchange_op) exchanges.push_back(&step);
    node& step = *exchanges[random.below(exchanges.size())];
    switch (random.below(6)) {
      case 0: step.attributes["slice"] = static_cast<std::int64_t>(random.next()); break;
      case 1: step.attributes["slices"] = static_cast<std::int64_t>(random.below(400)) - 100; break;
      case 2: step.attributes["axis"] = static_cast<std::int64_t>(random.next()); break;
      case 3:
        step.attributes["extents"] = std::vector<std::int64_t>{1, static_cast<std::int64_t>(random.next())};
        break;
      case 4: step.inputs[0] = slice.inputs[0]; break;
      default: step.inputs.clear(); break;
    }
    const auto read = read_slice(std::make_shared<const graph>(slice), operators(), dtype::f16);
    if (!read) ++refused;
  }
  CHECK(refused > 60);
}

TEST_CASE("partial results that do not fit are refused") {
  const value_exchange columns{0, 1, 1, {2, 3}};
  const auto give = [](const shape& dims) { return random_tensor(dims, 1); };
  const std::vector<tensor> good{give({4, 2}), give({4, 3})};
  CHECK(need(join_partials(columns, good)).dims() == shape{4, 5});
  CHECK_FALSE(join_partials(columns, std::vector<tensor>{give({4, 2}), give({4, 2})}));
  CHECK_FALSE(join_partials(columns, std::vector<tensor>{give({4, 2}), give({5, 3})}));
  CHECK_FALSE(join_partials(columns, std::vector<tensor>{give({4}), give({4})}));
  const value_exchange sum{0, 1, {}, {}};
  CHECK_FALSE(join_partials(sum, good));
  CHECK_FALSE(join_partials(sum, std::vector<tensor>{ints_tensor({1}), ints_tensor({2})}));
  const std::vector<tensor> halves{floats_tensor({2}, {1, 2}), floats_tensor({2}, {0.5f, -2})};
  const tensor total = need(join_partials(sum, halves));
  CHECK(total.as<float>()[0] == 1.5f);
  CHECK(total.as<float>()[1] == 0.0f);
}
