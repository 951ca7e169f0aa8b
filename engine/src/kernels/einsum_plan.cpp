#include <algorithm>
#include <cctype>
#include <map>

#include "kernels/einsum.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Letters are their own codes; axes of "..." count from here, the innermost first.
constexpr int ellipsis_code = 256;
constexpr std::size_t equation_length_max = 1024;

/// One side of a comma: codes of its axes, where "..." is still one code.
result<std::vector<int>> parse_term(const node& step, std::string_view text) {
  std::vector<int> codes;
  bool has_ellipsis = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto letter = static_cast<unsigned char>(text[i]);
    if (std::isalpha(letter)) {
      codes.push_back(letter);
    } else if (text.substr(i, 3) == "..." && !has_ellipsis) {
      has_ellipsis = true;
      codes.push_back(ellipsis_code);
      i += 2;
    } else {
      return fail(errc::invalid_argument, "the equation of {} has a term \"{}\"; letters and one \"...\" are allowed",
                  step.describe(), text);
    }
  }
  return codes;
}

class reader {
public:
  reader(const node_view& view, std::size_t operand_count)
      : view_(view), step_(view.step()), operand_count_(operand_count) {}

  result<einsum_plan> read() {
    std::string equation = step_.string_or("equation", "");
    std::erase_if(equation, [](char letter) { return letter == ' '; });
    if (equation.empty() || equation.size() > equation_length_max)
      return fail(errc::invalid_argument, "{} has no equation, or one of more than {} letters", step_.describe(),
                  equation_length_max);
    const std::size_t arrow = equation.find("->");
    TROUPE_CHECK(read_operands(std::string_view(equation).substr(0, arrow)));
    if (arrow == std::string::npos) {
      choose_result();
    } else {
      TROUPE_CHECK(read_result(std::string_view(equation).substr(arrow + 2)));
    }
    return make_plan();
  }

private:
  result<void> read_operands(std::string_view left) {
    for (std::size_t operand = 0;; ++operand) {
      const std::size_t comma = left.find(',');
      if (operand >= operand_count_)
        return fail(errc::invalid_argument, "the equation of {} has more terms than the {} operands", step_.describe(),
                    operand_count_);
      TROUPE_TRY(const auto codes, parse_term(step_, left.substr(0, comma)));
      TROUPE_CHECK(add_operand(operand, codes));
      if (comma == std::string_view::npos) break;
      left.remove_prefix(comma + 1);
    }
    if (axes_.size() != operand_count_)
      return fail(errc::invalid_argument, "the equation of {} has {} terms for {} operands", step_.describe(),
                  axes_.size(), operand_count_);
    return {};
  }

  result<void> add_operand(std::size_t operand, const std::vector<int>& codes) {
    const shape& dims = view_.dims(operand);
    const bool has_ellipsis = std::find(codes.begin(), codes.end(), ellipsis_code) != codes.end();
    const std::size_t named = codes.size() - has_ellipsis;
    if (named > dims.rank() || (!has_ellipsis && named != dims.rank()))
      return fail(errc::invalid_argument, "the equation of {} names {} axes of operand {}, which is {}",
                  step_.describe(), named, operand, dims.to_string());
    std::vector<int> axes;
    for (const int code : codes) {
      if (code != ellipsis_code) {
        axes.push_back(code);
        continue;
      }
      const std::size_t count = dims.rank() - named;
      ellipsis_rank_ = std::max(ellipsis_rank_, count);
      for (std::size_t i = count; i-- > 0;) axes.push_back(ellipsis_code + static_cast<int>(i));
    }
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
      const auto [known, first] = extents_.try_emplace(axes[axis], dims[axis]);
      ++uses_[axes[axis]];
      if (first || known->second == dims[axis] || dims[axis] == 1) continue;
      if (known->second != 1)
        return fail(errc::invalid_argument, "axis {} of operand {} of {} has {} elements where others have {}", axis,
                    operand, step_.describe(), dims[axis], known->second);
      known->second = dims[axis];
    }
    axes_.push_back(std::move(axes));
    return {};
  }

  void add_ellipsis() {
    for (std::size_t i = ellipsis_rank_; i-- > 0;) kept_.push_back(ellipsis_code + static_cast<int>(i));
  }

  /// Without "->": the axes of "...", then the letters that occur once, in the order of the alphabet.
  void choose_result() {
    add_ellipsis();
    for (const auto& [code, uses] : uses_)
      if (code < ellipsis_code && uses == 1) kept_.push_back(code);
  }

  result<void> read_result(std::string_view right) {
    TROUPE_TRY(const auto codes, parse_term(step_, right));
    for (const int code : codes) {
      if (code == ellipsis_code) {
        add_ellipsis();
        continue;
      }
      if (!extents_.count(code) || std::find(kept_.begin(), kept_.end(), code) != kept_.end())
        return fail(errc::invalid_argument,
                    "the result of {} has the axis {}, which no operand has or which comes twice", step_.describe(),
                    static_cast<char>(code));
      kept_.push_back(code);
    }
    return {};
  }

  result<einsum_plan> make_plan() {
    std::vector<int> labels = kept_;
    for (const auto& [code, extent] : extents_)
      if (std::find(kept_.begin(), kept_.end(), code) == kept_.end()) labels.push_back(code);
    einsum_plan plan;
    plan.kept = kept_.size();
    for (const int code : labels) plan.extents.push_back(extents_.at(code));
    TROUPE_TRY(plan.output, shape::make(std::span(plan.extents).first(plan.kept)));
    for (std::size_t operand = 0; operand < axes_.size(); ++operand) {
      const shape& dims = view_.dims(operand);
      const auto strides = dims.strides();
      einsum_operand made{std::vector<std::int64_t>(labels.size(), 0), std::vector<bool>(labels.size(), false)};
      for (std::size_t axis = 0; axis < dims.rank(); ++axis) {
        const auto label =
            static_cast<std::size_t>(std::find(labels.begin(), labels.end(), axes_[operand][axis]) - labels.begin());
        if (dims[axis] != plan.extents[label]) continue;
        made.strides[label] += strides[axis];
        made.has[label] = true;
      }
      plan.operands.push_back(std::move(made));
    }
    // Every sum is bounded, so that it can be walked.
    std::vector<std::int64_t> summed(plan.extents.begin() + static_cast<std::ptrdiff_t>(plan.kept), plan.extents.end());
    std::int64_t terms = 1;
    for (const std::int64_t extent : summed) {
      if (extent > 0 && terms > limits::elements_max / extent)
        return fail(errc::invalid_argument, "{} sums more than {} products", step_.describe(), limits::elements_max);
      terms *= extent;
    }
    return plan;
  }

  const node_view& view_;
  const node& step_;
  std::size_t operand_count_;
  std::vector<std::vector<int>> axes_;  ///< codes of the axes of each operand
  std::map<int, std::int64_t> extents_;
  std::map<int, int> uses_;
  std::size_t ellipsis_rank_ = 0;
  std::vector<int> kept_;
};

}  // namespace

result<einsum_plan> read_einsum(const node_view& view, std::size_t operand_count) {
  return reader(view, operand_count).read();
}

}  // namespace troupe
