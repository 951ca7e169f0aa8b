#include "generation/step_inputs.hpp"

#include <algorithm>
#include <array>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe {
namespace {

/// Rows of a step, and of how many of them there are logits, in ascending order: of all when sessions generate, of one
/// when a prompt is read, of a few when both is done. No more shapes than a program keeps ready, or a mixture of loads
/// would compile at every step.
struct step_shape {
  std::size_t rows, outputs;
};
constexpr std::array<step_shape, 16> step_shapes{{{1, 1},
                                                  {2, 2},
                                                  {4, 4},
                                                  {8, 8},
                                                  {16, 1},
                                                  {16, 16},
                                                  {32, 1},
                                                  {32, 32},
                                                  {48, 16},
                                                  {48, 48},
                                                  {64, 1},
                                                  {64, 16},
                                                  {64, 64},
                                                  {128, 1},
                                                  {128, 16},
                                                  {128, 128}}};
static_assert(step_shapes.size() <= limits::program_shapes_max);

/// The first shape that is large enough; past the last, multiples of it.
step_shape shape_for(std::size_t rows, std::size_t outputs) {
  for (const step_shape& each : step_shapes)
    if (each.rows >= rows && each.outputs >= outputs) return each;
  const std::size_t most = step_shapes.back().rows, rounded = (rows + most - 1) / most * most;
  return {rounded, outputs <= 1 ? 1 : rounded};
}

result<tensor> list_of(const std::vector<std::int32_t>& values) {
  return tensor::from<std::int32_t>({static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

result<step_layout> step_layout::of(const std::vector<value_info>& inputs) {
  step_layout made;
  made.input_count = inputs.size();
  const auto find = [&](std::string_view name, std::size_t& place) -> result<void> {
    const auto found =
        std::find_if(inputs.begin(), inputs.end(), [&](const value_info& input) { return input.name == name; });
    if (found == inputs.end())
      return fail(errc::invalid_argument, "the model has no input \"{}\"; it is not a language model", name);
    place = static_cast<std::size_t>(found - inputs.begin());
    return {};
  };
  TROUPE_CHECK(find("tokens", made.tokens));
  TROUPE_CHECK(find("positions", made.positions));
  TROUPE_CHECK(find("sequences", made.sequences));
  TROUPE_CHECK(find("pages", made.pages));
  TROUPE_CHECK(find("output_rows", made.output_rows));
  const value_info& table = inputs[made.pages];
  if (!table.dims || table.dims->size() != 2 || (*table.dims)[0].extent < 1 || (*table.dims)[1].extent < 1)
    return fail(errc::invalid_argument, "the input \"pages\" is {}; [sessions,pages] is needed", table.describe());
  made.sessions = (*table.dims)[0].extent;
  made.session_pages = (*table.dims)[1].extent;
  return made;
}

step_inputs::step_inputs(const step_layout& layout)
    : layout_(layout), pages_(static_cast<std::size_t>(layout.sessions * layout.session_pages), 0) {}

void step_inputs::set_pages(std::int64_t sequence, std::span<const std::int32_t> pages) {
  std::copy(pages.begin(), pages.end(), pages_.begin() + sequence * layout_.session_pages);
}

void step_inputs::add_row(std::int32_t token, std::int32_t position, std::int32_t sequence) {
  tokens_.push_back(token);
  positions_.push_back(position);
  sequences_.push_back(sequence);
}

std::size_t step_inputs::want_logits() {
  output_rows_.push_back(static_cast<std::int32_t>(tokens_.size() - 1));
  return output_rows_.size() - 1;
}

result<std::vector<tensor>> step_inputs::finish() {
  const step_shape padded = shape_for(tokens_.size(), output_rows_.size());
  tokens_.resize(padded.rows, -1);
  positions_.resize(padded.rows, -1);
  sequences_.resize(padded.rows, 0);
  output_rows_.resize(padded.outputs, 0);
  std::vector<tensor> made(layout_.input_count);
  TROUPE_TRY(made[layout_.tokens], list_of(tokens_));
  TROUPE_TRY(made[layout_.positions], list_of(positions_));
  TROUPE_TRY(made[layout_.sequences], list_of(sequences_));
  TROUPE_TRY(made[layout_.output_rows], list_of(output_rows_));
  TROUPE_TRY(made[layout_.pages], tensor::from<std::int32_t>({layout_.sessions, layout_.session_pages}, pages_));
  return made;
}

}  // namespace troupe
