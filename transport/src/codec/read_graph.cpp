#include "codec/record_reader.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

// What an entry of a std::map takes beside its value: three pointers and a colour, rounded up by the allocator.
constexpr std::size_t map_overhead_bytes = 48;

kj::ArrayPtr<const char> as_text(capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}

}  // namespace

template <class T, class List>
result<std::vector<T>> record_reader::numbers(List from) {
  TROUPE_CHECK(charge(from.size(), sizeof(T)));
  std::vector<T> copied(from.size());
  for (unsigned i = 0; i < from.size(); ++i) copied[i] = from[i];
  return copied;
}

result<void> record_reader::read(schema::Value::Reader from, value_info& into) {
  TROUPE_TRY(into.name, text(from.getName(), limits::name_length_max, "the name of a value"));
  TROUPE_TRY(into.type, element_type(from.getType()));
  into.type_known = from.getTypeKnown();
  if (!from.getRankKnown()) return {};
  const auto dims = from.getDims();
  TROUPE_CHECK(charge(dims.size(), sizeof(dimension)));
  into.dims.emplace(dims.size());
  for (unsigned i = 0; i < dims.size(); ++i) {
    dimension& held = (*into.dims)[i];
    held.extent = dims[i].getExtent();
    if (held.extent < -1)
      return fail(errc::invalid_argument, "the value \"{}\" has the extent {}", into.name, held.extent);
    TROUPE_TRY(held.symbol, text(dims[i].getSymbol(), limits::name_length_max, "the name of an extent"));
  }
  return {};
}

result<void> record_reader::read(schema::Attribute::Reader from, attribute& into) {
  switch (from.which()) {
    case schema::Attribute::INTEGER: into = from.getInteger(); return {};
    case schema::Attribute::REAL: into = from.getReal(); return {};
    case schema::Attribute::TEXT: {
      TROUPE_TRY(into, text(as_text(from.getText()), limits::head_bytes_max, "an attribute"));
      return {};
    }
    case schema::Attribute::INTEGERS: {
      TROUPE_TRY(into, numbers<std::int64_t>(from.getIntegers()));
      return {};
    }
    case schema::Attribute::REALS: {
      TROUPE_TRY(into, numbers<float>(from.getReals()));
      return {};
    }
    case schema::Attribute::TEXTS: {
      const auto texts = from.getTexts();
      TROUPE_CHECK(charge(texts.size(), sizeof(std::string)));
      auto& held = into.emplace<std::vector<std::string>>();
      held.reserve(texts.size());
      for (const auto entry : texts) {
        TROUPE_TRY(std::string one, text(as_text(entry), limits::head_bytes_max, "an attribute"));
        held.push_back(std::move(one));
      }
      return {};
    }
    case schema::Attribute::BODY: {
      TROUPE_CHECK(charge(1, sizeof(graph)));
      auto inside = std::make_shared<graph>();
      TROUPE_CHECK(read_unchecked(from.getBody(), *inside));
      into = subgraph(std::move(inside));
      return {};
    }
    case schema::Attribute::TENSOR: return read(from.getTensor(), into.emplace<tensor>());
  }
  return fail(errc::invalid_argument, "an attribute is of the unknown kind {}", static_cast<int>(from.which()));
}

result<void> record_reader::read(schema::Node::Reader from, node& into) {
  TROUPE_TRY(into.op, text(from.getOp(), limits::name_length_max, "the operator of a node"));
  TROUPE_TRY(into.domain, text(from.getDomain(), limits::name_length_max, "the domain of a node"));
  TROUPE_TRY(into.name, text(from.getName(), limits::name_length_max, "the name of a node"));
  into.version = from.getVersion();
  TROUPE_TRY(into.inputs, numbers<value_id>(from.getInputs()));
  TROUPE_TRY(into.outputs, numbers<value_id>(from.getOutputs()));
  const auto attributes = from.getAttributes();
  TROUPE_CHECK(charge(attributes.size(), sizeof(std::string) + sizeof(attribute) + map_overhead_bytes));
  for (const auto entry : attributes) {
    TROUPE_TRY(std::string name, text(entry.getName(), limits::name_length_max, "the name of an attribute"));
    const auto [place, is_new] = into.attributes.try_emplace(std::move(name));
    if (!is_new)
      return fail(errc::invalid_argument, "{} has the attribute \"{}\" twice", into.describe(), place->first);
    TROUPE_CHECK(read(entry, place->second));
  }
  return {};
}

result<void> record_reader::read(schema::Graph::Reader from, graph& into) {
  TROUPE_CHECK(read_unchecked(from, into));
  return validate(into);
}

result<void> record_reader::read_unchecked(schema::Graph::Reader from, graph& into) {
  TROUPE_TRY(into.name, text(from.getName(), limits::name_length_max, "the name of a graph"));
  const auto values = from.getValues();
  TROUPE_CHECK(charge(values.size(), sizeof(value_info)));
  into.values.resize(values.size());
  for (unsigned i = 0; i < values.size(); ++i) TROUPE_CHECK(read(values[i], into.values[i]));
  const auto nodes = from.getNodes();
  TROUPE_CHECK(charge(nodes.size(), sizeof(node)));
  into.nodes.resize(nodes.size());
  for (unsigned i = 0; i < nodes.size(); ++i) TROUPE_CHECK(read(nodes[i], into.nodes[i]));
  TROUPE_TRY(into.inputs, numbers<value_id>(from.getInputs()));
  TROUPE_TRY(into.outputs, numbers<value_id>(from.getOutputs()));
  TROUPE_TRY(into.states, numbers<value_id>(from.getStates()));

  const auto constants = from.getConstants();
  TROUPE_CHECK(charge(constants.size(), sizeof(value_id) + sizeof(tensor) + map_overhead_bytes));
  for (const auto entry : constants) {
    const auto [place, is_new] = into.constants.try_emplace(entry.getValue());
    if (!is_new) return fail(errc::invalid_argument, "the constant {} is given twice", entry.getValue());
    TROUPE_CHECK(read(entry.getData(), place->second));
  }
  const auto notes = from.getMetadata();
  TROUPE_CHECK(charge(notes.size(), 2 * sizeof(std::string) + map_overhead_bytes));
  for (const auto entry : notes) {
    TROUPE_TRY(std::string key, text(entry.getKey(), limits::name_length_max, "the key of a note"));
    TROUPE_TRY(std::string note, text(entry.getValue(), limits::head_bytes_max, "a note"));
    if (!into.metadata.emplace(std::move(key), std::move(note)).second)
      return fail(errc::invalid_argument, "a graph has two notes under one key");
  }
  return {};
}

}  // namespace troupe::wire
