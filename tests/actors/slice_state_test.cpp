// What a slice decides, without actors: messages in any order, losses, and work that nobody wants any more.
#include "slice_state.hpp"

#include <functional>

#include "support/digits.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/passes.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::slice_action;

namespace {

const operator_table& operators() {
  static const operator_table table = builtin_operators();
  return table;
}

const time_point start_time{};
const time_point far = start_time + std::chrono::hours(1);

/// Some slices of the digits network and the messages between them, which arrive in an order drawn by chance.
class slices_in_a_row {
public:
  slices_in_a_row(std::size_t count, std::uint64_t seed) : random_(seed) {
    graph model = digits_network();
    need(optimize(model, operators()));
    cut_ = need(cut_tensor(model, std::vector<double>(count, 1.0), operators()));
    for (const graph& slice : cut_) {
      programs_.push_back(std::make_shared<const slice_program>(
          need(read_slice(std::make_shared<const graph>(slice), operators(), dtype::f16))));
      states_.emplace_back(programs_.back());
      loaded_.emplace_back();
      for (const slice_segment& segment : programs_.back()->segments)
        loaded_.back().push_back(segment.network ? need(device_->load(segment.network, {.storage = dtype::f16}))
                                                 : nullptr);
    }
  }

  void give(const slice_work& work, const std::vector<tensor>& inputs, time_point deadline = far) {
    for (std::size_t k = 0; k < states_.size(); ++k)
      mail_.push_back([=, this] { obey(k, states_[k].begin(work, inputs, deadline, start_time), deadline); });
  }

  /// Delivers what is under way, and what comes of it.
  void run() {
    while (!mail_.empty()) step();
  }
  bool step() {
    if (mail_.empty()) return false;
    const std::size_t which = random_.below(mail_.size());
    const auto letter = mail_[which];
    mail_.erase(mail_.begin() + static_cast<std::ptrdiff_t>(which));
    letter();
    return true;
  }
  void lose_mail() { mail_.clear(); }
  void restart(std::size_t k) { states_[k] = slice_state(programs_[k]); }

  /// What an undisturbed run in order comes to, which is nearly what the whole model does.
  static tensor expected(std::size_t count, const std::vector<tensor>& inputs) {
    slices_in_a_row alone(count, 0);
    alone.give({1, 0, 1}, inputs);
    alone.run();
    const tensor made = alone.answers.at(1).at(0);
    const auto whole = need(alone.device_->load(std::make_shared<const graph>(digits_network())));
    const tensor want = need(whole->run(inputs, time_point::max())).at(0);
    REQUIRE(made.dims() == want.dims());
    for (std::size_t i = 0; i < made.elements(); ++i)
      CHECK(made.as<float>()[i] == Approx(want.as<float>()[i]).margin(0.02));
    return made;
  }
  std::size_t works() const {
    std::size_t sum = 0;
    for (const auto& state : states_) sum += state.works();
    return sum;
  }
  slice_state& at(std::size_t k) { return states_[k]; }

  std::map<std::uint32_t, std::vector<tensor>> answers;  ///< by attempt
  std::size_t finished = 0, refused = 0;

private:
  void obey(std::size_t k, slice_actions actions, time_point deadline) {
    for (auto& action : actions) {
      if (auto* order = std::get_if<compute>(&action)) {
        mail_.push_back([=, this, given = *order] {
          auto outputs = need(loaded_[k][given.segment]->run(given.inputs, time_point::max()));
          obey(k, states_[k].computed(given.work, std::move(outputs)), deadline);
        });
      } else if (auto* sent = std::get_if<slice_action::send>(&action)) {
        for (std::size_t other = 0; other < (sent->to_all ? states_.size() : 1); ++other)
          if (other != k)
            mail_.push_back([=, this, given = *sent] {
              obey(other, states_[other].partial(given.work, given.segment, k, given.partials, deadline, start_time),
                   deadline);
            });
      } else if (auto* done = std::get_if<finish>(&action)) {
        ++finished;
        CHECK(done->outputs.has_value() == (k == 0));
        if (done->outputs) answers[done->work.attempt] = *done->outputs;
      } else if (std::get_if<refuse>(&action)) {
        ++refused;
      }
    }
  }

  random_source random_;
  std::shared_ptr<device> device_ =
      need(open_device("reference", std::make_shared<const operator_table>(builtin_operators())));
  std::vector<graph> cut_;
  std::vector<std::shared_ptr<const slice_program>> programs_;
  std::vector<std::vector<std::unique_ptr<program>>> loaded_;
  std::vector<slice_state> states_;
  std::vector<std::function<void()>> mail_;
};

}  // namespace

TEST_CASE("slices come to the same bits in whatever order their messages arrive") {
  const std::vector<tensor> inputs{digits_batch(1)};
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    slices_in_a_row slices(2 + seed % 3, seed);
    slices.give({1, 0, 1}, inputs);
    slices.run();
    REQUIRE(slices.answers.count(1) == 1);
    CHECK(bitwise_equal(slices.answers[1][0], slices_in_a_row::expected(2 + seed % 3, inputs)));
    CHECK(slices.finished == 2 + seed % 3);
    CHECK(slices.works() == 0);
    CHECK(slices.refused == 0);
  }
}

TEST_CASE("a slice that comes back empty takes part in the next attempt, and the lost one is forgotten") {
  const std::vector<tensor> inputs{digits_batch(1)};
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    slices_in_a_row slices(3, seed);
    slices.give({1, 0, 1}, inputs);
    for (std::uint64_t i = 0; i < seed; ++i) slices.step();
    slices.restart(seed % 3);
    slices.give({1, 0, 2}, inputs);  // what is left of the first attempt is still under way
    slices.run();
    REQUIRE(slices.answers.count(2) == 1);
    CHECK(bitwise_equal(slices.answers[2][0], slices_in_a_row::expected(3, inputs)));
  }
}

TEST_CASE("several requests share the slices") {
  slices_in_a_row slices(2, 3);
  const std::vector<tensor> one{digits_batch(1)}, two{digits_batch(2)};
  slices.give({1, 0, 1}, one);
  slices.give({2, 0, 7}, two);
  slices.run();
  CHECK(bitwise_equal(slices.answers[1][0], slices_in_a_row::expected(2, one)));
  CHECK(bitwise_equal(slices.answers[7][0], slices_in_a_row::expected(2, two)));
}

TEST_CASE("what is too late is forgotten when something else comes") {
  slices_in_a_row slices(2, 4);
  slices.give({1, 0, 1}, {digits_batch(1)}, start_time + std::chrono::seconds(1));
  slices.step();
  slices.step();
  CHECK(slices.works() > 0);
  slices.lose_mail();
  for (std::size_t k = 0; k < 2; ++k) {
    const auto actions = slices.at(k).partial({2, 0, 1}, 0, 1 - k, {}, far, start_time + std::chrono::seconds(2));
    std::size_t forgotten = 0;
    for (const auto& action : actions) forgotten += std::holds_alternative<forget>(action);
    CHECK(forgotten <= 1);
    CHECK_FALSE(slices.at(k).knows({1, 0, 1}));
  }
}

TEST_CASE("partial results that nobody expects end the attempt with an error") {
  slices_in_a_row slices(2, 5);
  const auto refusals = [](const slice_actions& actions) {
    std::size_t count = 0;
    for (const auto& action : actions) count += std::holds_alternative<refuse>(action);
    return count;
  };
  auto& first = slices.at(0);
  CHECK(refusals(first.partial({1, 0, 1}, 1000, 1, {}, far, start_time)) == 1);
  CHECK(refusals(first.partial({1, 0, 1}, 0, 9, {}, far, start_time)) == 1);
  CHECK(refusals(first.partial({1, 0, 1}, 0, 0, {}, far, start_time)) == 1);
  CHECK(refusals(first.partial({1, 0, 1}, 0, 1, std::vector<tensor>(9), far, start_time)) == 1);
  CHECK(refusals(first.begin({1, 0, 2}, {}, far, start_time)) == 1);
  CHECK(first.works() == 0);
  std::size_t refused = 0;
  for (std::uint32_t request = 0; request < slice_limits::works_max + 5; ++request)
    refused += refusals(first.begin({request, 0, 1}, {digits_batch(1)}, far, start_time));
  CHECK(refused == 5);
}
