// All held-out digits through a model, batch by batch, with something going wrong half-way if wanted.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "troupe/system.hpp"

namespace troupe::demo {

/// Pictures of digits with the digit that each shows, and the batches that a model takes.
struct digit_set {
  std::vector<tensor> pictures;  ///< u8 [height, width, 1]
  std::vector<std::string> labels;
  std::vector<tensor> batches;

  /// Reads every picture of `folder` as `network` wants it; file names end in `_DIGIT.png`.
  static result<digit_set> read(const std::filesystem::path& folder, const graph& network, std::size_t batch);
};

struct digit_answers {
  std::vector<tensor> scores;        ///< one a batch
  std::vector<std::string> guesses;  ///< one a picture
  std::size_t correct = 0;
  std::uint32_t recoveries = 0;
  double seconds = 0;
};

/// Keeps several batches under way; calls `disturb` once, when half of them are sent and some are not answered.
result<digit_answers> classify(const model& loaded, const digit_set& digits, std::size_t under_way,
                               const std::function<result<void>()>& disturb = {});

/// Every score of every batch, bit for bit.
bool identical(const digit_answers& a, const digit_answers& b);

}  // namespace troupe::demo
