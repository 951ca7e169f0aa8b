// Records about nodes themselves.
#include "codec/record_codec.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t text_max = limits::short_text_bytes_max;

error too_deep() {
  return fail(errc::invalid_argument, "a supervision tree has more than the {} levels that a message takes",
              limits::tree_depth_max);
}

result<void> write_tree(const tree_node& tree, schema::TreeNode::Builder to, std::size_t levels_left) {
  if (levels_left == 0) return too_deep();
  for (const std::string* text : {&tree.name, &tree.kind, &tree.state, &tree.detail})
    TROUPE_CHECK(record_writer::check_text(*text, text_max, "a text of a supervision tree"));
  to.setName(tree.name);
  to.setKind(tree.kind);
  to.setState(tree.state);
  to.setDetail(tree.detail);
  to.setRestarts(tree.restarts);
  auto children = to.initChildren(static_cast<unsigned>(tree.children.size()));
  for (unsigned i = 0; i < children.size(); ++i)
    TROUPE_CHECK(write_tree(tree.children[i], children[i], levels_left - 1));
  return {};
}

result<void> read_tree(schema::TreeNode::Reader from, tree_node& into, record_reader& with, std::size_t levels_left) {
  if (levels_left == 0) return too_deep();
  TROUPE_TRY(into.name, with.text(from.getName(), text_max, "a text of a supervision tree"));
  TROUPE_TRY(into.kind, with.text(from.getKind(), text_max, "a text of a supervision tree"));
  TROUPE_TRY(into.state, with.text(from.getState(), text_max, "a text of a supervision tree"));
  TROUPE_TRY(into.detail, with.text(from.getDetail(), text_max, "a text of a supervision tree"));
  into.restarts = from.getRestarts();
  const auto children = from.getChildren();
  TROUPE_CHECK(with.charge(children.size(), sizeof(tree_node)));
  into.children.resize(children.size());
  for (unsigned i = 0; i < children.size(); ++i)
    TROUPE_CHECK(read_tree(children[i], into.children[i], with, levels_left - 1));
  return {};
}

}  // namespace

result<void> write(const node_status& record, schema::NodeStatus::Builder to, record_writer& with) {
  TROUPE_CHECK(with.check_text(record.name, text_max, "the name of a node"));
  to.setName(record.name);
  with.write(record.id, to.initId());
  auto devices = to.initDevices(static_cast<unsigned>(record.devices.size()));
  for (unsigned i = 0; i < devices.size(); ++i) {
    const device_summary& device = record.devices[i];
    for (const std::string* text : {&device.name, &device.type, &device.driver})
      TROUPE_CHECK(with.check_text(*text, text_max, "a text about a device"));
    devices[i].setIndex(device.index);
    devices[i].setName(device.name);
    devices[i].setType(device.type);
    devices[i].setDriver(device.driver);
    devices[i].setMemoryBytes(device.memory_bytes);
  }
  TROUPE_CHECK(with.check_text(record.version, text_max, "the version of a node"));
  to.setVersion(record.version);
  return write_tree(record.tree, to.initTree(), limits::tree_depth_max);
}

result<void> read(schema::NodeStatus::Reader from, node_status& into, record_reader& with) {
  TROUPE_TRY(into.name, with.text(from.getName(), text_max, "the name of a node"));
  TROUPE_CHECK(with.read(from.getId(), into.id));
  const auto devices = from.getDevices();
  TROUPE_CHECK(with.charge(devices.size(), sizeof(device_summary)));
  into.devices.resize(devices.size());
  for (unsigned i = 0; i < devices.size(); ++i) {
    device_summary& device = into.devices[i];
    device.index = devices[i].getIndex();
    TROUPE_TRY(device.name, with.text(devices[i].getName(), text_max, "a text about a device"));
    TROUPE_TRY(device.type, with.text(devices[i].getType(), text_max, "a text about a device"));
    TROUPE_TRY(device.driver, with.text(devices[i].getDriver(), text_max, "a text about a device"));
    device.memory_bytes = devices[i].getMemoryBytes();
  }
  TROUPE_TRY(into.version, with.text(from.getVersion(), text_max, "the version of a node"));
  return read_tree(from.getTree(), into.tree, with, limits::tree_depth_max);
}

result<void> write(const connect_peer& record, schema::ConnectPeer::Builder to, record_writer& with) {
  TROUPE_CHECK(with.check_text(record.address, limits::address_bytes_max, "an address"));
  to.setAddress(record.address);
  return {};
}

result<void> read(schema::ConnectPeer::Reader from, connect_peer& into, record_reader& with) {
  TROUPE_TRY(into.address, with.text(from.getAddress(), limits::address_bytes_max, "an address"));
  return {};
}

result<void> write(const ping& record, schema::Ping::Builder to, record_writer&) {
  to.setValue(record.value);
  return {};
}

result<void> read(schema::Ping::Reader from, ping& into, record_reader&) {
  into.value = from.getValue();
  return {};
}

result<void> write(const pong& record, schema::Pong::Builder to, record_writer&) {
  to.setValue(record.value);
  return {};
}

result<void> read(schema::Pong::Reader from, pong& into, record_reader&) {
  into.value = from.getValue();
  return {};
}

}  // namespace troupe::wire
