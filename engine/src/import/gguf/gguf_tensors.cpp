#include <algorithm>

#include "import/gguf/gguf_contents.hpp"
#include "import/gguf/gguf_types.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

result<block_format> format_of(const gguf_tensor& weights) {
  const auto format = weights.format();
  if (!format)
    return fail(
        errc::unsupported,
        "the tensor \"{}\" has the type {}, which is not supported; F32, F16, BF16, Q4_0 to Q8_0 and Q2_K to Q6_K "
        "are",
        weights.name, weights.type_name());
  return *format;
}

}  // namespace

std::int64_t gguf_tensor::rows() const noexcept {
  std::int64_t product = 1;
  for (std::size_t i = 0; i + 1 < rank; ++i) product *= extents[i];
  return product;
}

std::optional<block_format> gguf_tensor::format() const noexcept {
  return block_format_named(type_name());
}

std::string_view gguf_tensor::type_name() const noexcept {
  return find_tensor_type(type)->name;  // the number was checked when the file was read
}

std::string gguf_tensor::describe() const {
  return fmt::format("{}[{}]", type_name(), fmt::join(std::span(extents).first(rank), ","));
}

std::span<const gguf_tensor> gguf_file::tensors() const noexcept {
  return held_->tensors;
}

const gguf_tensor* gguf_file::find_tensor(std::string_view name) const {
  const auto& tensors = held_->tensors;
  const auto found =
      std::lower_bound(held_->by_name.begin(), held_->by_name.end(), name,
                       [&](std::uint32_t i, std::string_view wanted) { return tensors[i].name < wanted; });
  return found == held_->by_name.end() || tensors[*found].name != name ? nullptr : &tensors[*found];
}

result<tensor> gguf_file::matrix(const gguf_tensor& weights) const {
  TROUPE_TRY(const block_format format, format_of(weights));
  TROUPE_TRY(const std::size_t bytes, row_bytes(format, static_cast<std::size_t>(weights.columns())));
  TROUPE_TRY(const shape dims,
             shape::make(std::array<std::int64_t, 2>{weights.rows(), static_cast<std::int64_t>(bytes)}));
  return tensor::from_shared(dtype::u8, dims, {held_, weights.bytes.data()}, weights.bytes.size());
}

result<tensor> gguf_file::floats(const gguf_tensor& weights) const {
  TROUPE_TRY(const block_format format, format_of(weights));
  TROUPE_TRY(const shape dims, shape::make(std::span(weights.extents).first(weights.rank)));
  TROUPE_TRY(tensor made, tensor::make_uninitialized(dtype::f32, dims));
  TROUPE_CHECK(dequantize(format, weights.bytes, made.as_mutable<float>()));
  return made;
}

}  // namespace troupe
