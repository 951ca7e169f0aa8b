#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using list = std::vector<std::int64_t>;

/// Looks for 2, 3, 5, 4 and the pairs (5 6), (7 8), (6 7).
std::map<std::string, attribute, std::less<>> attributes(const std::string& mode, std::int64_t least, std::int64_t most,
                                                         std::int64_t skip) {
  return {{"mode", mode},
          {"min_gram_length", least},
          {"max_gram_length", most},
          {"max_skip_count", skip},
          {"ngram_counts", list{0, 4}},
          {"ngram_indexes", list{0, 1, 2, 3, 4, 5, 6}},
          {"pool_int64s", list{2, 3, 5, 4, 5, 6, 7, 8, 6, 7}},
          {"weights", std::vector<float>{1, 2, 3, 4, 5, 6, 7}}};
}

const tensor row = tensor_of<std::int64_t>({8}, {1, 1, 3, 3, 3, 7, 8, 6});
const tensor rows = tensor_of<std::int32_t>({2, 6}, {1, 5, 6, 3, 5, 7, 6, 7, 2, 8, 6, 7});

}  // namespace

TEST_CASE("TfIdfVectorizer counts runs in a row, with gaps up to a number") {
  check_value({.op = "TfIdfVectorizer", .inputs = {row}, .attributes = attributes("TF", 1, 1, 0)},
              tensor_of<float>({7}, {0, 3, 0, 0, 0, 0, 0}));
  check_value({.op = "TfIdfVectorizer", .inputs = {row}, .attributes = attributes("TF", 1, 2, 0)},
              tensor_of<float>({7}, {0, 3, 0, 0, 0, 1, 0}));
  check_value({.op = "TfIdfVectorizer", .inputs = {rows}, .attributes = attributes("TF", 2, 2, 0)},
              tensor_of<float>({2, 7}, {0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2}));
  // With a gap of two: (6 7) at positions 2 and 5 of the first row, (7 8) at 1 and 3 of the second.
  check_value({.op = "TfIdfVectorizer", .inputs = {rows}, .attributes = attributes("TF", 2, 2, 2)},
              tensor_of<float>({2, 7}, {0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 2}));
}

TEST_CASE("TfIdfVectorizer weighs what it finds") {
  check_value({.op = "TfIdfVectorizer", .inputs = {row}, .attributes = attributes("TFIDF", 1, 2, 0)},
              tensor_of<float>({7}, {0, 6, 0, 0, 0, 6, 0}));
  check_value({.op = "TfIdfVectorizer", .inputs = {row}, .attributes = attributes("IDF", 1, 2, 0)},
              tensor_of<float>({7}, {0, 2, 0, 0, 0, 6, 0}));
}

TEST_CASE("TfIdfVectorizer refuses pools that contradict themselves") {
  const auto code_with = [&](const std::string& key, attribute value) {
    auto changed = attributes("TF", 1, 2, 0);
    changed.insert_or_assign(key, std::move(value));
    return refusal({.op = "TfIdfVectorizer", .inputs = {row}, .attributes = changed}).code();
  };
  CHECK(code_with("mode", std::string("DF")) == errc::invalid_argument);
  CHECK(code_with("ngram_counts", list{0, 5}) == errc::invalid_argument);
  CHECK(code_with("ngram_counts", list{4, 0}) == errc::invalid_argument);
  CHECK(code_with("ngram_indexes", list{0, 1}) == errc::invalid_argument);
  CHECK(code_with("ngram_indexes", list{0, 1, 2, 3, 4, 5, std::int64_t{1} << 60}) == errc::unsupported);
  CHECK(code_with("max_skip_count", std::int64_t{1} << 60) == errc::unsupported);
  CHECK(code_with("pool_int64s", std::int64_t{1}) == errc::unsupported);
  CHECK(refusal({.op = "TfIdfVectorizer", .inputs = {counting({3})}, .attributes = attributes("TF", 1, 1, 0)}).code() ==
        errc::unsupported);
}
