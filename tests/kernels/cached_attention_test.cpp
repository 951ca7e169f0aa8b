// CachedAttention against attention written out for one session, and its promise that rows of other sessions, and the
// way a prompt is cut into chunks, change no bit.
#include "kernels/cached_attention.hpp"

#include <cmath>
#include <cstring>

#include "support/kernel_case.hpp"
#include "troupe/engine/device.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

struct attention_case {
  std::int64_t heads = 4, kv_heads = 2, head_size = 32, session_pages = 5, sessions = 3, page_count = 20;
  std::int64_t rotary_size = 32;
  bool rotary_halves = true, norms = false;
  std::int64_t window = 0;
  float softcap = 0;

  std::int64_t row() const { return (heads + 2 * kv_heads) * head_size; }
};

/// fp32 pairs of cosine and sine as bytes.
std::vector<float> angles(const attention_case& given) {
  std::vector<float> made;
  for (std::int64_t position = 0; position < given.session_pages * cache_page_positions; ++position)
    for (std::int64_t pair = 0; pair < given.rotary_size / 2; ++pair) {
      const double angle = static_cast<double>(position) *
                           std::pow(100.0, -2.0 * static_cast<double>(pair) / static_cast<double>(given.rotary_size));
      made.push_back(static_cast<float>(std::cos(angle)));
      made.push_back(static_cast<float>(std::sin(angle)));
    }
  return made;
}

tensor rotary_table(const attention_case& given) {
  const auto pairs = angles(given);
  return need(tensor::from_bytes(dtype::u8, {given.session_pages * cache_page_positions, given.rotary_size / 2 * 8},
                                 std::as_bytes(std::span(pairs))));
}

tensor norm_weight(const attention_case& given, std::uint64_t seed) {
  return random_tensor({given.head_size}, seed, 0.5f, 1.5f);
}

std::shared_ptr<const graph> graph_of(const attention_case& given) {
  graph made;
  const auto input = [&](std::string name, dtype type, std::vector<dimension> dims) {
    made.inputs.push_back(made.add_value({std::move(name), type, true, std::move(dims)}));
    return made.inputs.back();
  };
  node step{"CachedAttention", "troupe", "attention", 1, {}, {}, {}};
  step.inputs = {input("qkv", dtype::f32, {{-1, "n"}, {given.row(), ""}}),
                 input("positions", dtype::i32, {{-1, "n"}}),
                 input("sequences", dtype::i32, {{-1, "n"}}),
                 input("pages", dtype::i32, {{given.sessions, ""}, {given.session_pages, ""}}),
                 made.add_state("keys", dtype::f32, {given.page_count, given.kv_heads, 16, given.head_size}),
                 made.add_state("values", dtype::f32, {given.page_count, given.kv_heads, 16, given.head_size}),
                 given.norms ? made.add_constant("query_norm", norm_weight(given, 7)) : no_value,
                 given.norms ? made.add_constant("key_norm", norm_weight(given, 8)) : no_value,
                 given.rotary_size > 0 ? made.add_constant("angles", rotary_table(given)) : no_value};
  step.attributes = {{"heads", given.heads},
                     {"kv_heads", given.kv_heads},
                     {"scale", 1.0f / std::sqrt(static_cast<float>(given.head_size))},
                     {"rotary_size", given.rotary_size},
                     {"rotary_halves", std::int64_t{given.rotary_halves}},
                     {"window", given.window},
                     {"softcap", given.softcap},
                     {"norm_epsilon", 1e-5f}};
  step.outputs = {made.add_value({"y", dtype::f32, true, std::nullopt})};
  made.outputs = step.outputs;
  made.nodes.push_back(std::move(step));
  need(validate(made));
  return std::make_shared<const graph>(std::move(made));
}

/// A session's rows of the operand, from its first position on.
tensor session_rows(const attention_case& given, std::uint64_t session, std::int64_t positions) {
  return random_tensor({positions, given.row()}, 100 + session, -2.0f, 2.0f);
}

/// What attention is, in double precision, for one session that is alone in the world. Row by row.
std::vector<float> written_out(const attention_case& given, const tensor& rows) {
  const auto source = rows.as<float>();
  const std::int64_t count = rows.dims()[0], size = given.head_size, all = given.heads + 2 * given.kv_heads;
  const auto table = angles(given);
  const auto query_norm = norm_weight(given, 7), key_norm = norm_weight(given, 8);
  const auto head = [&](std::int64_t row, std::int64_t which) {
    std::vector<double> x;
    for (std::int64_t d = 0; d < size; ++d)
      x.push_back(source[static_cast<std::size_t>((row * all + which) * size + d)]);
    const bool is_query = which < given.heads, is_value = which >= given.heads + given.kv_heads;
    if (is_value) return x;
    if (given.norms) {
      double squares = 0;
      for (const double v : x) squares += v * v;
      const double factor = 1 / std::sqrt(squares / static_cast<double>(size) + 1e-5);
      for (std::size_t d = 0; d < x.size(); ++d) x[d] *= factor * (is_query ? query_norm : key_norm).as<float>()[d];
    }
    const std::int64_t pairs = given.rotary_size / 2;
    auto turned = x;
    for (std::int64_t pair = 0; pair < pairs; ++pair) {
      const double cosine = table[static_cast<std::size_t>((row * pairs + pair) * 2)];
      const double sine = table[static_cast<std::size_t>((row * pairs + pair) * 2 + 1)];
      const auto a = static_cast<std::size_t>(given.rotary_halves ? pair : 2 * pair);
      const auto b = static_cast<std::size_t>(given.rotary_halves ? pair + pairs : 2 * pair + 1);
      turned[a] = x[a] * cosine - x[b] * sine;
      turned[b] = x[a] * sine + x[b] * cosine;
    }
    return turned;
  };
  std::vector<float> made;
  for (std::int64_t row = 0; row < count; ++row)
    for (std::int64_t h = 0; h < given.heads; ++h) {
      const std::int64_t shared = h / (given.heads / given.kv_heads);
      const auto query = head(row, h);
      std::vector<double> result(static_cast<std::size_t>(size), 0.0);
      double sum = 0;
      for (std::int64_t other = given.window == 0 ? 0 : std::max<std::int64_t>(0, row - given.window + 1); other <= row;
           ++other) {
        const auto key = head(other, given.heads + shared), value = head(other, given.heads + given.kv_heads + shared);
        double score = 0;
        for (std::size_t d = 0; d < query.size(); ++d) score += query[d] * key[d];
        score /= std::sqrt(static_cast<double>(size));
        if (given.softcap != 0) score = given.softcap * std::tanh(score / given.softcap);
        const double weight = std::exp(score);
        sum += weight;
        for (std::size_t d = 0; d < result.size(); ++d) result[d] += weight * value[d];
      }
      for (const double x : result) made.push_back(static_cast<float>(x / sum));
    }
  return made;
}

/// Rows of several sessions as one run takes them.
class run_rows {
public:
  run_rows(const attention_case& given, std::vector<std::vector<std::int32_t>> pages) : given_(given) {
    for (auto& list : pages) {
      list.resize(static_cast<std::size_t>(given.session_pages), 0);
      pages_.insert(pages_.end(), list.begin(), list.end());
    }
  }
  run_rows& add(const tensor& rows, std::int64_t first, std::int64_t count, std::int32_t session) {
    const auto taken = need(rows.rows(first, count)).as<float>();
    elements_.insert(elements_.end(), taken.begin(), taken.end());
    for (std::int64_t i = 0; i < count; ++i) {
      positions_.push_back(static_cast<std::int32_t>(first + i));
      sequences_.push_back(session);
    }
    return *this;
  }
  run_rows& add_padding(std::int64_t count) {
    elements_.resize(elements_.size() + static_cast<std::size_t>(count * given_.row()), 3.0f);
    positions_.insert(positions_.end(), static_cast<std::size_t>(count), -1);
    sequences_.insert(sequences_.end(), static_cast<std::size_t>(count), 0);
    return *this;
  }
  tensor run(program& loaded) {
    const auto count = static_cast<std::int64_t>(positions_.size());
    const std::vector inputs{need(tensor::from<float>({count, given_.row()}, elements_)),
                             need(tensor::from<std::int32_t>({count}, positions_)),
                             need(tensor::from<std::int32_t>({count}, sequences_)),
                             need(tensor::from<std::int32_t>({given_.sessions, given_.session_pages}, pages_))};
    elements_.clear();
    positions_.clear();
    sequences_.clear();
    return need(loaded.run(inputs, steady_clock::now() + std::chrono::seconds(60))).at(0);
  }

private:
  attention_case given_;
  std::vector<std::int32_t> pages_, positions_, sequences_;
  std::vector<float> elements_;
};

std::unique_ptr<program> load(const attention_case& given, const std::string& selector, dtype storage,
                              kernel_family kernels = kernel_family::automatic) {
  const auto opened =
      need(open_device(selector, std::make_shared<const operator_table>(builtin_operators()), {.kernels = kernels}));
  return need(opened->load(graph_of(given), {.storage = storage}));
}

/// Three sessions, cut into chunks in some way, against each of them written out alone.
void check_sessions(const attention_case& given, program& loaded, bound allowed) {
  run_rows rows(given, {{3, 7, 4}, {1, 2}, {6, 19, 9}});
  const tensor a = session_rows(given, 0, 40), b = session_rows(given, 1, 17), c = session_rows(given, 2, 33);
  const tensor first = rows.add(a, 0, 20, 0).add(b, 0, 16, 1).run(loaded);
  const tensor second = rows.add(c, 0, 32, 2).add_padding(3).add(a, 20, 19, 0).run(loaded);
  const tensor third = rows.add(b, 16, 1, 1).add(c, 32, 1, 2).add(a, 39, 1, 0).run(loaded);
  const auto part = [](const tensor& from, std::int64_t begin, std::int64_t count) {
    return need(from.rows(begin, count));
  };
  const auto joined = [&](const std::vector<tensor>& parts) { return need(concat_rows(parts)); };
  const auto want = [&](const tensor& rows_of) {
    return need(tensor::from<float>({rows_of.dims()[0], given.heads * given.head_size}, written_out(given, rows_of)));
  };
  CHECK(compare(joined({part(first, 0, 20), part(second, 35, 19), part(third, 2, 1)}), want(a), allowed) == "");
  CHECK(compare(joined({part(first, 20, 16), part(third, 0, 1)}), want(b), allowed) == "");
  CHECK(compare(joined({part(second, 0, 32), part(third, 1, 1)}), want(c), allowed) == "");
  for (const float padding : part(second, 32, 3).as<float>()) CHECK(padding == 0.0f);
}

std::vector<attention_case> all_cases() {
  attention_case plain, grouped, wide, narrow, far;
  grouped.heads = 8;
  grouped.norms = true;
  grouped.rotary_size = 16;
  grouped.rotary_halves = false;
  wide.head_size = 128;
  wide.kv_heads = 4;
  wide.rotary_size = 128;
  wide.softcap = 5;
  narrow.head_size = 8;
  narrow.rotary_size = 8;
  narrow.window = 19;
  far.session_pages = 70;  // several splits on a GPU
  far.page_count = 80;
  far.head_size = 80;
  far.rotary_size = 0;
  return {plain, grouped, wide, narrow, far};
}

}  // namespace

TEST_CASE("attention over a cache in pages is attention over everything a session has seen") {
  for (const attention_case& given : all_cases()) {
    INFO("heads of " << given.head_size);
    const auto on_reference = load(given, "reference", dtype::f32);
    check_sessions(given, *on_reference, {1e-5, 1e-5});
    for (const kernel_family kernels : {kernel_family::software, kernel_family::gpu}) {
      const auto exact_program = load(given, "", dtype::f32, kernels);
      check_sessions(given, *exact_program, {2e-5, 2e-5});
      // Queries, keys and values are rounded to binary16: scores move by up to 2^-10 of |q||k| sqrt(size), here about
      // 1e-2.
      const auto half_program = load(given, "", dtype::f16, kernels);
      check_sessions(given, *half_program, {2e-2, 2e-2});
    }
  }
}

TEST_CASE("neighbours, chunks and pages change no bit of a session's attention") {
  for (const attention_case& given : all_cases())
    for (const kernel_family kernels : {kernel_family::software, kernel_family::gpu}) {
      INFO("heads of " << given.head_size);
      const tensor a = session_rows(given, 0, 40), b = session_rows(given, 1, 40);
      run_rows alone(given, {{5, 6, 7}, {}, {}}), together(given, {{9, 3, 11}, {2, 4, 8}, {}});
      const auto one = load(given, "", dtype::f16, kernels), other = load(given, "", dtype::f16, kernels);
      const tensor at_once = alone.add(a, 0, 40, 0).run(*one);
      // The other program's pages have held something else before, infinities included.
      const tensor junk = need(tensor::from<float>(
          {40, given.row()}, std::vector<float>(static_cast<std::size_t>(40 * given.row()), INFINITY)));
      together.add(junk, 0, 40, 0).run(*other);
      std::vector<tensor> pieces;
      for (std::int64_t done = 0, next = 1; done < 40; done += next) {
        next = std::min<std::int64_t>(done == 0 ? 7 : done < 20 ? 13 : 1, 40 - done);
        const tensor got = together.add(b, done, next, 1).add(a, done, next, 0).add_padding(2).run(*other);
        pieces.push_back(need(got.rows(next, next)));
      }
      CHECK(bitwise_equal(need(concat_rows(pieces)), at_once));
    }
}

TEST_CASE("page numbers, sequences and positions from outside reach no memory but the cache") {
  const attention_case given;
  const auto loaded = load(given, "", dtype::f16);
  for (const std::int32_t wild : {-1, 1 << 20, 1 << 30, std::numeric_limits<std::int32_t>::min()}) {
    const std::vector<std::int32_t> pages(static_cast<std::size_t>(given.sessions * given.session_pages), wild);
    const std::vector inputs{random_tensor({2, given.row()}, 3),
                             need(tensor::from<std::int32_t>({2}, std::vector<std::int32_t>{wild, 5})),
                             need(tensor::from<std::int32_t>({2}, std::vector<std::int32_t>{wild, wild})),
                             need(tensor::from<std::int32_t>({given.sessions, given.session_pages}, pages))};
    CHECK(loaded->run(inputs, steady_clock::now() + std::chrono::seconds(60)));
  }
}

TEST_CASE("caches and tables that do not fit are refused by name") {
  attention_case given;
  const auto refused = [&](auto change) {
    graph wrong = *graph_of(given);
    change(wrong);
    const auto opened = need(open_device("reference", std::make_shared<const operator_table>(builtin_operators())));
    const auto loaded = opened->load(std::make_shared<const graph>(std::move(wrong)));
    const std::vector inputs{random_tensor({1, given.row()}, 3), need(tensor::make(dtype::i32, {1})),
                             need(tensor::make(dtype::i32, {1})),
                             need(tensor::make(dtype::i32, {given.sessions, given.session_pages}))};
    const auto outcome = loaded ? (*loaded)->run(inputs, steady_clock::now() + std::chrono::seconds(9))
                                : result<std::vector<tensor>>(loaded.error());
    REQUIRE_FALSE(outcome);
    return outcome.error().to_string();
  };
  CHECK(refused([](graph& g) { g.nodes[0].attributes["heads"] = std::int64_t{3}; }).find("kv_heads") !=
        std::string::npos);
  CHECK(refused([](graph& g) { g.nodes[0].attributes["kv_heads"] = std::int64_t{-1}; }).find("heads") !=
        std::string::npos);
  CHECK(refused([](graph& g) { (*g.values[g.states[0]].dims)[1].extent = 3; }).find("caches") != std::string::npos);
  CHECK(refused([](graph& g) { g.nodes[0].attributes["rotary_size"] = std::int64_t{33}; }).find("turns") !=
        std::string::npos);
  CHECK(refused([](graph& g) {
          g.states.erase(g.states.begin());
          g.constants.emplace(g.nodes[0].inputs[4], need(tensor::make(dtype::f32, {20, 2, 16, 32})));
        }).find("must be a state") != std::string::npos);
}
