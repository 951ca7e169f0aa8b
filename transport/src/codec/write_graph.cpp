#include <algorithm>

#include "codec/record_writer.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

template <class Builder, class Numbers>
void fill(Builder to, const Numbers& numbers) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, numbers[i]);
}

capnp::Data::Reader as_data(const std::string& text) {
  return {reinterpret_cast<const kj::byte*>(text.data()), text.size()};
}

unsigned count_of(std::size_t size) {
  // `encode` has refused graphs that do not fit in a head long before this could overflow.
  return static_cast<unsigned>(std::min(size, list_elements_max));
}

}  // namespace

result<void> record_writer::write(const value_info& value, schema::Value::Builder to) {
  to.setName(value.name);
  to.setType(static_cast<std::uint8_t>(value.type));
  to.setTypeKnown(value.type_known);
  to.setRankKnown(value.dims.has_value());
  if (!value.dims) return {};
  auto dims = to.initDims(count_of(value.dims->size()));
  for (unsigned i = 0; i < dims.size(); ++i) {
    dims[i].setExtent((*value.dims)[i].extent);
    dims[i].setSymbol((*value.dims)[i].symbol);
  }
  return {};
}

result<void> record_writer::write(const attribute& value, schema::Attribute::Builder to) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    to.setInteger(*integer);
  } else if (const auto* real = std::get_if<float>(&value)) {
    to.setReal(*real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    to.setText(as_data(*text));
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
    fill(to.initIntegers(count_of(integers->size())), *integers);
  } else if (const auto* reals = std::get_if<std::vector<float>>(&value)) {
    fill(to.initReals(count_of(reals->size())), *reals);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    auto list = to.initTexts(count_of(texts->size()));
    for (unsigned i = 0; i < list.size(); ++i) list.set(i, as_data((*texts)[i]));
  } else if (const auto* inside = std::get_if<subgraph>(&value)) {
    return write_unchecked(**inside, to.initBody());
  } else {
    return write(std::get<tensor>(value), to.initTensor());
  }
  return {};
}

result<void> record_writer::write(const node& value, schema::Node::Builder to) {
  to.setOp(value.op);
  to.setDomain(value.domain);
  to.setName(value.name);
  to.setVersion(value.version);
  fill(to.initInputs(count_of(value.inputs.size())), value.inputs);
  fill(to.initOutputs(count_of(value.outputs.size())), value.outputs);
  auto attributes = to.initAttributes(count_of(value.attributes.size()));
  unsigned next = 0;
  for (const auto& [name, held] : value.attributes) {
    attributes[next].setName(name);
    TROUPE_CHECK(write(held, attributes[next]).while_doing(value.describe()));
    ++next;
  }
  return {};
}

result<void> record_writer::write(const graph& value, schema::Graph::Builder to) {
  // What the receiver would refuse is refused here, where somebody can do something about it.
  TROUPE_CHECK(validate(value));
  return write_unchecked(value, to);
}

result<void> record_writer::write_unchecked(const graph& value, schema::Graph::Builder to) {
  to.setName(value.name);
  auto values = to.initValues(count_of(value.values.size()));
  for (unsigned i = 0; i < values.size(); ++i) TROUPE_CHECK(write(value.values[i], values[i]));
  auto nodes = to.initNodes(count_of(value.nodes.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) TROUPE_CHECK(write(value.nodes[i], nodes[i]));
  fill(to.initInputs(count_of(value.inputs.size())), value.inputs);
  fill(to.initOutputs(count_of(value.outputs.size())), value.outputs);
  fill(to.initStates(count_of(value.states.size())), value.states);

  auto constants = to.initConstants(count_of(value.constants.size()));
  unsigned next = 0;
  for (const auto& [id, data] : value.constants) {
    constants[next].setValue(id);
    TROUPE_CHECK(write(data, constants[next].initData()));
    ++next;
  }
  auto notes = to.initMetadata(count_of(value.metadata.size()));
  next = 0;
  for (const auto& [key, note] : value.metadata) {
    notes[next].setKey(key);
    notes[next].setValue(note);
    ++next;
  }
  return {};
}

}  // namespace troupe::wire
