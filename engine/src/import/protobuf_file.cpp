// The wire format: https://protobuf.dev/programming-guides/encoding/
#include "import/protobuf_file.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <unistd.h>

#include <new>

#include "core/file.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe {
namespace {

namespace pb = google::protobuf;

constexpr int depth_max = 64;
// What protobuf's C++ objects take besides the bytes of the file, rounded up.
constexpr std::size_t message_overhead = 256;
constexpr std::size_t string_overhead = 64;
constexpr std::size_t scalar_overhead = 16;
/// Allowed beyond twice the size of the file: many small models consist of small records.
constexpr std::size_t free_overhead = std::size_t{256} << 20;

/// Walks over the records of a message without keeping any, and adds up what parsing them would allocate.
class memory_estimate {
public:
  memory_estimate(pb::io::CodedInputStream& input, std::size_t bytes_max) : input_(input), bytes_max_(bytes_max) {}

  result<void> visit(const pb::Descriptor& type, int depth = 0) {
    if (depth > depth_max) return fail(errc::invalid_argument, "its records are nested deeper than {}", depth_max);
    while (const auto tag = input_.ReadTag()) {
      TROUPE_CHECK(visit_field(tag, type.FindFieldByNumber(static_cast<int>(tag >> 3)), depth));
      if (bytes_ > bytes_max_)
        return fail(errc::invalid_argument, "its records would need more than {} bytes of memory", bytes_max_);
    }
    return {};
  }

private:
  static error broken() { return fail(errc::invalid_argument, "its records are damaged or cut off"); }

  result<void> visit_field(std::uint32_t tag, const pb::FieldDescriptor* field, int depth) {
    bytes_ += scalar_overhead;
    std::uint64_t ignored = 0;
    switch (tag & 7) {
      case 0: return input_.ReadVarint64(&ignored) ? result<void>() : broken();
      case 1: return input_.Skip(8) ? result<void>() : broken();
      case 5: return input_.Skip(4) ? result<void>() : broken();
      case 2: break;
      default: return broken();  // groups, which ONNX does not have
    }
    std::uint32_t length = 0;
    if (!input_.ReadVarint32(&length) || length > limits::model_file_bytes_max) return broken();
    if (!field || field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
      bytes_ += string_overhead + length;
    } else if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) {
      bytes_ += length * packed_growth(*field);
    } else {
      bytes_ += message_overhead;
      const auto outer = input_.PushLimit(static_cast<int>(length));
      TROUPE_CHECK(visit(*field->message_type(), depth + 1));
      if (input_.BytesUntilLimit() != 0) return broken();
      input_.PopLimit(outer);
      return {};
    }
    return input_.Skip(static_cast<int>(length)) ? result<void>() : broken();
  }

  /// Bytes in memory for one byte of a packed field.
  static std::size_t packed_growth(const pb::FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT64:
      case pb::FieldDescriptor::CPPTYPE_UINT64: return 8;
      case pb::FieldDescriptor::CPPTYPE_INT32:
      case pb::FieldDescriptor::CPPTYPE_UINT32:
      case pb::FieldDescriptor::CPPTYPE_ENUM: return 4;
      default: return 1;
    }
  }

  pb::io::CodedInputStream& input_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

/// `open` makes a new stream over the same bytes each time.
template <class Open>
result<void> parse(std::size_t size, Open open, pb::Message& into) {
  if (size > limits::model_file_bytes_max)
    return fail(errc::unsupported, "it has {} bytes; at most {} are supported (keep the weights in external data)",
                size, limits::model_file_bytes_max);
  if (size == 0) return fail(errc::invalid_argument, "it is empty");
  try {
    {
      auto stream = open();
      pb::io::CodedInputStream input(&stream);
      memory_estimate estimate(input, 2 * size + free_overhead);
      TROUPE_CHECK(estimate.visit(*into.GetDescriptor()));
      if (!input.ConsumedEntireMessage()) return fail(errc::invalid_argument, "its records are damaged or cut off");
    }
    auto stream = open();
    pb::io::CodedInputStream input(&stream);
    if (!into.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage())
      return fail(errc::invalid_argument, "its records are damaged or cut off");
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_memory, "the host has no memory for its {} bytes", size);
  }
  return {};
}

}  // namespace

result<void> parse_protobuf_file(const std::filesystem::path& file, pb::Message& into) {
  TROUPE_TRY(const opened_file opened, open_file(file));
  const auto open = [&] {
    ::lseek(opened.fd.get(), 0, SEEK_SET);
    return pb::io::FileInputStream(opened.fd.get(), 1 << 16);
  };
  return parse(opened.size, open, into);
}

result<void> parse_protobuf(std::span<const std::byte> bytes, pb::Message& into) {
  const auto open = [&] { return pb::io::ArrayInputStream(bytes.data(), static_cast<int>(bytes.size())); };
  return parse(bytes.size(), open, into);
}

}  // namespace troupe
