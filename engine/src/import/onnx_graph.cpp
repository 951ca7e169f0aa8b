// https://github.com/onnx/onnx/blob/main/docs/IR.md
#include "import/onnx_graph.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "graph/bodies.hpp"
#include "graph/order.hpp"
#include "graph/value_namer.hpp"
#include "import/names.hpp"
#include "import/old_opsets.hpp"
#include "import/onnx_attribute.hpp"
#include "import/onnx_tensor.hpp"
#include "kernels/activation.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

constexpr std::int64_t ir_version_min = 3;
constexpr std::int64_t ir_version_max = 13;
constexpr std::int64_t opset_min = 1;
constexpr std::int64_t opset_max = 25;
/// Notes are for people; a longer one is left out.
constexpr std::size_t note_bytes_max = 1 << 20;

/// "" and "ai.onnx" name the same domain.
std::string plain_domain(const std::string& domain) {
  return domain == "ai.onnx" ? std::string() : domain;
}

/// What all graphs of one model share.
struct model_context {
  external_data& external;
  std::map<std::string, int> opsets;
  std::size_t nodes = 0;
};

/// One graph: the model's own, or a body in another.
class graph_importer {
public:
  /// `around`: the graph that the body is in; nullptr for the model's own.
  graph_importer(model_context& context, graph_importer* around)
      : context_(context), around_(around), depth_(around ? around->depth_ + 1 : 0) {}

  result<graph> run(onnx::GraphProto& proto) {
    if (depth_ > limits::body_depth_max)
      return fail(errc::unsupported, "it is a body in more than {} others", limits::body_depth_max);
    const auto nodes = static_cast<std::size_t>(proto.node_size());
    context_.nodes += nodes;
    if (context_.nodes > limits::graph_nodes_max)
      return fail(errc::unsupported, "the graph has {} nodes; at most {} are supported", context_.nodes,
                  limits::graph_nodes_max);
    if (proto.sparse_initializer_size() > 0) return fail(errc::unsupported, "the graph has sparse initializers");
    TROUPE_CHECK(check_name(proto.name(), "name of the graph"));
    made_.name = proto.name();
    if (around_) find_own_names(proto);
    // Initializers first: an input of the same name is one that callers need not give, and we let nobody give it.
    for (auto& initializer : *proto.mutable_initializer()) TROUPE_CHECK(add_initializer(initializer));
    for (const auto& input : proto.input()) TROUPE_CHECK(add_input(input));
    for (auto& step : *proto.mutable_node())
      TROUPE_CHECK(add_node(step).while_doing(fmt::format("reading the node {}", describe(step))));
    for (const auto& info : proto.value_info()) TROUPE_CHECK(add_hint(info));
    for (const auto& output : proto.output()) TROUPE_CHECK(add_output(output));
    for (const auto& [name, id] : captures_) made_.inputs.push_back(id);
    TROUPE_CHECK(modernize(made_));
    TROUPE_CHECK(sort_nodes(made_));
    return std::move(made_);
  }

  /// Names of the graphs around that this body reads, each with its value here, in the order of the body's last inputs.
  const std::map<std::string, value_id>& captures() const { return captures_; }

private:
  // Only for messages, before the names are known to be printable.
  static std::string describe(const onnx::NodeProto& proto) {
    const bool fit = check_name(proto.op_type(), "") && check_name(proto.name(), "");
    return fit ? fmt::format("{} \"{}\"", proto.op_type(), proto.name()) : std::string("without a printable name");
  }

  /// The value of this name, made when it is mentioned for the first time.
  result<value_id> value(const std::string& name) {
    if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
    TROUPE_CHECK(check_name(name, "name of a value"));
    if (name.empty()) return fail(errc::invalid_argument, "a value has no name");
    const bool captured = around_ && own_names_.count(name) == 0;
    if (made_.values.size() >= limits::graph_values_max)
      return fail(errc::unsupported, "the graph has more than {} values", limits::graph_values_max);
    const value_id id = made_.add_value({name, dtype::f32, false, std::nullopt});
    ids_.emplace(name, id);
    if (!captured) return id;
    captures_.emplace(name, id);
    given_.insert(id);
    return id;
  }

  /// Names that the body makes itself: all others are those of the graphs around.
  void find_own_names(const onnx::GraphProto& proto) {
    for (const auto& data : proto.initializer()) own_names_.insert(data.name());
    for (const auto& input : proto.input()) own_names_.insert(input.name());
    for (const auto& step : proto.node()) own_names_.insert(step.output().begin(), step.output().end());
  }

  /// As `value`, for its one producer.
  result<value_id> produce(const std::string& name) {
    TROUPE_TRY(const value_id id, value(name));
    if (!produced_.insert(id).second)
      return fail(errc::invalid_argument, "the value \"{}\" is made more than once", name);
    return id;
  }

  result<void> add_initializer(onnx::TensorProto& proto) {
    TROUPE_TRY(const value_id id, produce(proto.name()));
    auto data =
        take_tensor(proto, context_.external).while_doing(fmt::format("reading the weights \"{}\"", proto.name()));
    if (!data) return std::move(data).error();
    set_constant(id, std::move(data).value());
    return {};
  }

  void set_constant(value_id id, tensor data) {
    value_info& info = made_.values[id];
    info.type = data.type();
    info.type_known = true;
    info.dims.emplace();
    for (const auto extent : data.dims()) info.dims->push_back({extent, {}});
    made_.constants.emplace(id, std::move(data));
    given_.insert(id);
  }

  result<void> add_input(const onnx::ValueInfoProto& proto) {
    if (const auto known = ids_.find(proto.name()); known != ids_.end() && made_.constants.count(known->second))
      return {};
    TROUPE_TRY(const value_id id, produce(proto.name()));
    made_.inputs.push_back(id);
    if (around_) return add_hint(proto);
    given_.insert(id);
    return declare(id, proto).while_doing(fmt::format("reading the input \"{}\"", proto.name()));
  }

  result<void> add_output(const onnx::ValueInfoProto& proto) {
    TROUPE_TRY(const value_id id, value(proto.name()));
    made_.outputs.push_back(id);
    if (given_.count(id)) return {};  // a constant or an input: declared already
    if (around_) return add_hint(proto);
    return declare(id, proto).while_doing(fmt::format("reading the output \"{}\"", proto.name()));
  }

  /// Notes about values inside the graph are taken only where they are understood: inference will tell.
  result<void> add_hint(const onnx::ValueInfoProto& proto) {
    const auto known = ids_.find(proto.name());
    if (known == ids_.end() || given_.count(known->second)) return {};
    if (!declare(known->second, proto)) {
      value_info& info = made_.values[known->second];
      info.type_known = false;
      info.dims.reset();
    }
    return {};
  }

  result<void> declare(value_id id, const onnx::ValueInfoProto& proto) {
    value_info& info = made_.values[id];
    if (!proto.has_type()) return {};
    if (!proto.type().has_tensor_type())
      return fail(errc::unsupported, "it is not a tensor; sequences, maps and optionals are not supported");
    const auto& declared = proto.type().tensor_type();
    if (declared.has_elem_type() && declared.elem_type() != onnx::TensorProto::UNDEFINED) {
      TROUPE_TRY(info.type, from_onnx_type(declared.elem_type()));
      info.type_known = true;
    }
    if (!declared.has_shape()) return {};
    const auto rank = static_cast<std::size_t>(declared.shape().dim_size());
    if (rank > limits::rank_max)
      return fail(errc::unsupported, "a tensor of rank {} exceeds the supported rank {}", rank, limits::rank_max);
    std::vector<dimension> dims;
    for (const auto& axis : declared.shape().dim()) {
      dimension extent;
      if (axis.has_dim_value() && axis.dim_value() >= 0) {
        if (axis.dim_value() > limits::elements_max)
          return fail(errc::unsupported, "the extent {} exceeds {}", axis.dim_value(), limits::elements_max);
        extent.extent = axis.dim_value();
      }
      if (axis.has_dim_param()) {
        TROUPE_CHECK(check_name(axis.dim_param(), "name of an extent"));
        extent.symbol = axis.dim_param();
      }
      dims.push_back(std::move(extent));
    }
    info.dims = std::move(dims);
    return {};
  }

  result<void> add_node(onnx::NodeProto& proto) {
    node step;
    TROUPE_CHECK(check_name(proto.op_type(), "operator"));
    TROUPE_CHECK(check_name(proto.domain(), "domain"));
    TROUPE_CHECK(check_name(proto.name(), "name"));
    if (proto.op_type().empty()) return fail(errc::invalid_argument, "it has no operator");
    step.op = proto.op_type();
    step.domain = plain_domain(proto.domain());
    step.name = proto.name();
    const auto opset = context_.opsets.find(step.domain);
    if (opset == context_.opsets.end())
      return fail(errc::invalid_argument, "the model does not import the operator set \"{}\"", step.domain);
    step.version = opset->second;
    std::vector<opened_body> bodies;
    for (auto& entry : *proto.mutable_attribute()) TROUPE_CHECK(add_attribute(step, entry, bodies));

    for (const std::string& name : proto.input()) {
      step.inputs.push_back(no_value);
      if (name.empty()) continue;
      TROUPE_TRY(step.inputs.back(), value(name));
    }
    for (const std::string& name : proto.output()) {
      step.outputs.push_back(no_value);
      if (name.empty()) continue;
      TROUPE_TRY(step.outputs.back(), produce(name));
      // A node is known by what it makes when it has no name of its own.
      if (step.name.empty()) step.name = name;
    }
    TROUPE_CHECK(close_bodies(step, std::move(bodies)));
    if (step.op == "Constant" && step.domain.empty()) return add_constant(step);
    made_.nodes.push_back(std::move(step));
    return {};
  }

  /// A body whose captures are not operands of its node yet.
  struct opened_body {
    std::string key;
    graph inside;
    std::map<std::string, value_id> captures;
  };

  result<void> add_body(onnx::AttributeProto& proto, std::vector<opened_body>& bodies) {
    if (bodies.size() >= limits::node_bodies_max)
      return fail(errc::unsupported, "a node has more than {} bodies", limits::node_bodies_max);
    graph_importer importer(context_, this);
    auto inside = importer.run(*proto.mutable_g()).while_doing(fmt::format("reading the body \"{}\"", proto.name()));
    if (!inside) return std::move(inside).error();
    bodies.push_back({proto.name(), std::move(inside).value(), importer.captures()});
    return {};
  }

  /// What any of the bodies captures becomes an operand of the node and an input of all of them.
  result<void> close_bodies(node& step, std::vector<opened_body> bodies) {
    if (bodies.empty()) return {};
    std::map<std::string, value_id> captured;
    for (const opened_body& opened : bodies)
      for (const auto& [name, inner] : opened.captures) {
        if (captured.count(name)) continue;
        TROUPE_TRY(const value_id id, value(name));
        captured.emplace(name, id);
      }
    // The number of iterations and the condition of a Loop may be left out, but not their places.
    if (step.op == "Loop" && step.inputs.size() < 2) step.inputs.resize(2, no_value);
    for (const auto& [name, id] : captured) step.inputs.push_back(id);
    if (!captured.empty())
      step.attributes.insert_or_assign(std::string(captures_attribute), static_cast<std::int64_t>(captured.size()));
    for (opened_body& opened : bodies) {
      value_namer namer;
      std::vector<value_id>& inputs = opened.inside.inputs;
      inputs.resize(inputs.size() - opened.captures.size());
      for (const auto& [name, id] : captured) {
        const auto own = opened.captures.find(name);
        if (own != opened.captures.end()) {
          inputs.push_back(own->second);
          continue;
        }
        inputs.push_back(opened.inside.add_value({namer.fresh(opened.inside, name), dtype::f32, false, std::nullopt}));
      }
      step.attributes.emplace(opened.key, subgraph(std::make_shared<graph>(std::move(opened.inside))));
    }
    return {};
  }

  result<void> add_attribute(node& step, onnx::AttributeProto& proto, std::vector<opened_body>& bodies) {
    TROUPE_CHECK(check_name(proto.name(), "name of an attribute"));
    if (proto.name().empty()) return fail(errc::invalid_argument, "an attribute has no name");
    if (proto.name().starts_with(fused::prefix))
      return fail(errc::invalid_argument, "the attribute \"{}\" has a name that Troupe keeps for itself", proto.name());
    const bool again =
        std::any_of(bodies.begin(), bodies.end(), [&](const auto& known) { return known.key == proto.name(); });
    if (again) return fail(errc::invalid_argument, "the attribute \"{}\" is given twice", proto.name());
    if (is_body(proto)) {
      if (step.has(proto.name()))
        return fail(errc::invalid_argument, "the attribute \"{}\" is given twice", proto.name());
      return add_body(proto, bodies);
    }
    auto held =
        take_attribute(proto, context_.external).while_doing(fmt::format("reading the attribute \"{}\"", proto.name()));
    if (!held) return std::move(held).error();
    if (held->has_value() && !step.attributes.emplace(proto.name(), **std::move(held)).second)
      return fail(errc::invalid_argument, "the attribute \"{}\" is given twice", proto.name());
    return {};
  }

  result<void> add_constant(const node& step) {
    if (step.outputs.size() != 1 || step.outputs[0] == no_value || !step.inputs.empty())
      return fail(errc::invalid_argument, "a constant has one output and no operand");
    TROUPE_TRY(tensor data, constant_of(step));
    set_constant(step.outputs[0], std::move(data));
    return {};
  }

  model_context& context_;
  graph_importer* around_;
  std::size_t depth_;
  graph made_;
  std::unordered_map<std::string, value_id> ids_;
  std::unordered_set<value_id> produced_;
  std::unordered_set<value_id> given_;         ///< made by no node: inputs and constants
  std::unordered_set<std::string> own_names_;  ///< of a body
  std::map<std::string, value_id> captures_;
};

/// The model around the graphs.
class importer {
public:
  importer(onnx::ModelProto& model, external_data& external) : model_(model), context_{external, {}, 0} {}

  result<graph> run() {
    TROUPE_CHECK(read_versions());
    TROUPE_CHECK(refuse_what_is_missing());
    TROUPE_TRY(made_, graph_importer(context_, nullptr).run(*model_.mutable_graph()));
    read_notes();
    TROUPE_CHECK(validate(made_));
    hoist_constants(made_);
    return std::move(made_);
  }

private:
  result<void> read_versions() {
    if (model_.ir_version() < ir_version_min || model_.ir_version() > ir_version_max)
      return fail(errc::unsupported, "the model has ONNX IR version {}; {} to {} are supported", model_.ir_version(),
                  ir_version_min, ir_version_max);
    for (const auto& opset : model_.opset_import()) {
      TROUPE_CHECK(check_name(opset.domain(), "domain of an operator set"));
      const std::string domain = plain_domain(opset.domain());
      if (domain.empty() && (opset.version() < opset_min || opset.version() > opset_max))
        return fail(errc::unsupported, "the model uses version {} of the ONNX operator set; {} to {} are supported",
                    opset.version(), opset_min, opset_max);
      const auto version = std::clamp<std::int64_t>(opset.version(), 0, std::numeric_limits<int>::max());
      if (!context_.opsets.try_emplace(domain, static_cast<int>(version)).second)
        return fail(errc::invalid_argument, "the model imports the operator set \"{}\" twice", opset.domain());
    }
    return {};
  }

  result<void> refuse_what_is_missing() {
    if (!model_.has_graph()) return fail(errc::invalid_argument, "the model has no graph");
    if (model_.functions_size() > 0) {
      const auto& function = model_.functions(0);
      TROUPE_CHECK(check_name(function.name(), "name of a function"));
      return fail(errc::unsupported,
                  "the model defines functions of its own ({} in all, the first is \"{}\"); inline "
                  "them when exporting",
                  model_.functions_size(), function.name());
    }
    return {};
  }

  /// A note that is not text is left out: it makes the model no worse.
  void read_notes() {
    const auto note = [&](const std::string& key, const std::string& text) {
      if (!key.empty() && check_name(key, "") && !text.empty() && text.size() <= note_bytes_max && is_utf8(text))
        made_.metadata.emplace(key, text);
    };
    for (const auto& entry : model_.metadata_props()) note(entry.key(), entry.value());
    note("producer", model_.producer_name());
    note("producer_version", model_.producer_version());
    note("description", model_.doc_string());
  }

  onnx::ModelProto& model_;
  model_context context_;
  graph made_;
};

}  // namespace

result<graph> take_graph(onnx::ModelProto& model, external_data& external) {
  return importer(model, external).run();
}

}  // namespace troupe
