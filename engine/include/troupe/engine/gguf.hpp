// GGUF model files: metadata and weights, checked as a whole before anything of them is believed.
// The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/engine/block_format.hpp"
#include "troupe/engine/tensor.hpp"

namespace troupe {

/// Types of metadata. The numbers are the format's own.
enum class gguf_type : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12
};

/// "uint32", "string", ...
std::string_view to_string(gguf_type type) noexcept;

/// One entry of metadata: a view into the file.
struct gguf_entry {
  std::string_view key;
  gguf_type type = gguf_type::u8;
  gguf_type element_type = gguf_type::u8;  ///< of an array
  std::uint64_t count = 0;                 ///< elements of an array
  std::span<const std::byte> bytes;        ///< a scalar's or string's bytes, an array's elements

  /// The value as people read it: `"llama"`, `32`, `true`, `uint32[2]`.
  std::string describe() const;
};

/// One tensor of a file: a view into it.
struct gguf_tensor {
  std::string_view name;
  std::span<const std::byte> bytes;
  std::array<std::int64_t, 4> extents{};  ///< row-major: the length of a row is the last of `rank`
  std::uint32_t type = 0;                 ///< the format's own number
  std::uint16_t rank = 0;                 ///< 1 to 4
  std::uint16_t part = 0;                 ///< which file of a sharded model holds it

  /// Elements of a row, and the number of rows (the product of all other extents).
  std::int64_t columns() const noexcept { return extents[rank - 1u]; }
  std::int64_t rows() const noexcept;
  std::int64_t elements() const noexcept { return rows() * columns(); }
  /// Nothing when Troupe cannot run matrices of this type.
  std::optional<block_format> format() const noexcept;
  /// "Q4_K", "IQ2_XS", ...
  std::string_view type_name() const noexcept;
  /// "Q4_K[4096,4096]", for messages.
  std::string describe() const;
};

/// How the bytes of a file come into memory.
enum class gguf_access {
  mapped,  ///< read by the system when looked at; the file must not be cut while anybody holds a tensor of it
  loaded,  ///< read at once; the file may be changed afterwards
};

/// A model file. Copies share what they hold; views and tensors of it stay valid as long as the file or any tensor that
/// was made from it. May be read by several threads at once.
///
/// Opening checks all of it: version 2 or 3, little endian; counts and lengths against the bytes that are there; key
/// and tensor names unique; ranks, extents, whole blocks, alignment; every tensor inside the file and none over
/// another. What is allocated stays below twice the size of the file. The error is `invalid_argument` for a damaged
/// file and `unsupported` for one that this build cannot read.
class gguf_file {
public:
  /// Opens a file, and all other parts of a sharded model when it is the first (`name-00001-of-00003.gguf`).
  static result<gguf_file> open(const std::filesystem::path& file, gguf_access access = gguf_access::mapped);

  /// The same for bytes in memory, which `owner` keeps alive. Not for a part of a sharded model.
  static result<gguf_file> parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  std::uint32_t version() const noexcept;
  /// How many files the model has, and their bytes.
  std::size_t parts() const noexcept;
  std::size_t byte_size() const noexcept;
  /// The bytes of the i-th file, as long as this object or a copy lives.
  std::span<const std::byte> part(std::size_t i) const noexcept;

  /// How many keys there are, and the i-th in the order of their names.
  std::size_t keys() const noexcept;
  gguf_entry entry(std::size_t i) const;
  std::optional<gguf_entry> find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key).has_value(); }

  /// The value of a key. `invalid_argument` names a key that is not there, is of another type or does not fit.
  /// Integers of any width and bools are integers; those and floats are numbers.
  result<std::string_view> text(std::string_view key) const;
  result<std::int64_t> integer(std::string_view key) const;
  result<double> number(std::string_view key) const;
  result<bool> boolean(std::string_view key) const;
  /// The elements of an array.
  result<std::vector<std::string_view>> texts(std::string_view key) const;
  result<std::vector<std::int64_t>> integers(std::string_view key) const;
  result<std::vector<float>> numbers(std::string_view key) const;

  /// The same with a value for when there is no such key; one of another type is an error all the same.
  result<std::string_view> text_or(std::string_view key, std::string_view fallback) const;
  result<std::int64_t> integer_or(std::string_view key, std::int64_t fallback) const;
  result<double> number_or(std::string_view key, double fallback) const;
  result<bool> boolean_or(std::string_view key, bool fallback) const;

  /// All tensors in the order of the file.
  std::span<const gguf_tensor> tensors() const noexcept;
  /// Nothing when there is no tensor of this name.
  const gguf_tensor* find_tensor(std::string_view name) const;

  /// The bytes of a tensor of this file as u8 [rows, bytes of a row], sharing the file's memory. `unsupported` when
  /// `format()` is nothing.
  result<tensor> matrix(const gguf_tensor& weights) const;
  /// The values of a tensor of this file as float32 under its own extents. `unsupported` as for `matrix`.
  result<tensor> floats(const gguf_tensor& weights) const;

  struct contents;  ///< for Troupe's own sources

private:
  explicit gguf_file(std::shared_ptr<const contents> held);
  std::shared_ptr<const contents> held_;
};

}  // namespace troupe
