// Runs the slices of a model one after the other, segment by segment, with the reference definitions.
#pragma once

#include "support/reference_run.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe::test {

struct sliced_run {
  std::vector<tensor> outputs;
  std::size_t exchanges = 0;  ///< rounds of messages
  bool sums = false;          ///< whether any of them summed
};

inline sliced_run run_slices(const std::vector<graph>& slices, const operator_table& operators,
                             const std::vector<tensor>& inputs, dtype storage = dtype::f16) {
  std::vector<slice_program> programs;
  for (const graph& slice : slices)
    programs.push_back(need(read_slice(std::make_shared<const graph>(slice), operators, storage)));
  const std::size_t last = programs[0].segments.size() - 1;
  std::vector<std::map<value_id, tensor>> values(slices.size());
  for (std::size_t k = 0; k < slices.size(); ++k) {
    REQUIRE(programs[k].slice == k);
    REQUIRE(programs[k].slices == slices.size());
    REQUIRE(programs[k].segments.size() == last + 1);
    values[k] = programs[k].known_outputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) values[k][programs[k].inputs[i]] = inputs[i];
  }
  sliced_run made;
  for (std::size_t s = 0; s <= last; ++s) {
    for (std::size_t k = 0; k < slices.size(); ++k) {
      const slice_segment& segment = programs[k].segments[s];
      if (!segment.network) continue;
      std::vector<tensor> operands;
      for (const value_id id : segment.inputs) operands.push_back(values[k].at(id));
      const auto results = reference_run(*segment.network, operators, operands, storage);
      for (std::size_t i = 0; i < results.size(); ++i) values[k][segment.outputs[i]] = results[i];
    }
    if (s == last) break;
    ++made.exchanges;
    const std::size_t count = programs[0].segments[s].exchanges.size();
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<tensor> partials;
      for (std::size_t k = 0; k < slices.size(); ++k)
        partials.push_back(values[k].at(programs[k].segments[s].exchanges.at(i).partial));
      for (std::size_t k = 0; k < slices.size(); ++k) {
        const value_exchange& exchange = programs[k].segments[s].exchanges[i];
        made.sums = made.sums || !exchange.axis;
        values[k][exchange.whole] = need(join_partials(exchange, partials));
      }
    }
    for (std::size_t k = 0; k < slices.size(); ++k)
      for (const value_id id : programs[k].segments[s].last_used) values[k].erase(id);
  }
  for (std::size_t i = 0; i < programs[0].outputs.size(); ++i) {
    const tensor& output = values[0].at(programs[0].outputs[i]);
    made.outputs.push_back(need(convert(output, programs[0].output_types[i].value_or(output.type()))));
  }
  return made;
}

}  // namespace troupe::test
