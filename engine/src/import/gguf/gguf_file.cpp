#include <algorithm>
#include <cstring>
#include <new>

#include "import/gguf/gguf_contents.hpp"
#include "import/gguf/gguf_part.hpp"
#include "import/gguf/gguf_types.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct placement_in_split {
  std::uint64_t number = 0;
  std::uint64_t count = 1;
};

/// An integer of a part's metadata that says how a model is split; `fallback` when it is not there.
result<std::uint64_t> split_number(std::span<const std::byte> bytes, const std::vector<std::uint64_t>& entries,
                                   std::string_view key, std::uint64_t fallback) {
  for (const std::uint64_t offset : entries) {
    const gguf_entry entry = gguf_entry_at(bytes, offset);
    if (entry.key != key) continue;
    // Written as uint16 and int32 by most; any unsigned value of up to four bytes will do.
    if (entry.type > gguf_type::i32)
      return fail(errc::invalid_argument, "{} has the type {}; an integer is expected", key, to_string(entry.type));
    std::uint32_t value = 0;
    std::memcpy(&value, entry.bytes.data(), entry.bytes.size());
    return std::uint64_t{value};
  }
  return fallback;
}

result<placement_in_split> read_split(std::span<const std::byte> bytes, const std::vector<std::uint64_t>& entries) {
  placement_in_split made;
  TROUPE_TRY(made.number, split_number(bytes, entries, "split.no", 0));
  TROUPE_TRY(made.count, split_number(bytes, entries, "split.count", 1));
  if (made.count == 0) made.count = 1;  // what some tools write for a model in one piece
  if (made.count > limits::gguf_parts_max)
    return fail(errc::invalid_argument, "the model has {} parts; at most {} are supported", made.count,
                limits::gguf_parts_max);
  if (made.number >= made.count)
    return fail(errc::invalid_argument, "it calls itself part {} of {}", made.number + 1, made.count);
  return made;
}

std::string part_suffix(std::uint64_t number, std::uint64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

/// The path of another part of the model whose first part is `first`.
result<std::filesystem::path> part_path(const std::filesystem::path& first, std::uint64_t number, std::uint64_t count) {
  const std::string name = first.filename().string();
  const std::string suffix = part_suffix(0, count);
  if (name.size() <= suffix.size() || name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0)
    return fail(errc::invalid_argument, "it is the first of {} parts, but its name does not end in {}", count, suffix);
  return first.parent_path() / (name.substr(0, name.size() - suffix.size()) + part_suffix(number, count));
}

result<shared_bytes> read_bytes(const std::filesystem::path& file, gguf_access access) {
  return access == gguf_access::mapped ? map_file(file) : load_file(file);
}

/// Reads all parts after the first, whose metadata is known already.
result<void> read_other_parts(const std::filesystem::path& first, const placement_in_split& split, gguf_access access,
                              std::vector<shared_bytes>& parts, std::vector<gguf_tensor>& tensors) {
  // All parts are opened, and their counts added, before memory is taken for their tensors.
  TROUPE_TRY(gguf_header header, read_gguf_header(parts[0].span()));
  std::uint64_t count = header.tensors;
  for (std::uint64_t number = 1; number < split.count; ++number) {
    TROUPE_TRY(const std::filesystem::path path, part_path(first, number, split.count));
    TROUPE_TRY(shared_bytes part, read_bytes(path, access));
    parts.push_back(std::move(part));
    TROUPE_TRY(header, read_gguf_header(parts.back().span()).while_doing(path.string()));
    count += header.tensors;
  }
  tensors = {};
  tensors.reserve(count);
  for (std::uint64_t number = 0; number < split.count; ++number) {
    const auto read = [&]() -> result<void> {
      const auto bytes = parts[number].span();
      TROUPE_TRY(const auto entries, read_gguf_part(bytes, static_cast<std::uint16_t>(number), tensors));
      TROUPE_TRY(const placement_in_split own, read_split(bytes, entries));
      if (own.number != number || own.count != split.count)
        return fail(errc::invalid_argument, "it calls itself part {} of {}, but its name says {} of {}", own.number + 1,
                    own.count, number + 1, split.count);
      return {};
    };
    TROUPE_CHECK(read().while_doing(fmt::format("part {} of {}", number + 1, split.count)));
  }
  return {};
}

/// Checks the first part and, if `first` has a name, reads all others.
result<void> read_parts(const std::filesystem::path* first, gguf_access access, gguf_file::contents& into) {
  const auto bytes = into.parts[0].span();
  TROUPE_TRY(const gguf_header header, read_gguf_header(bytes));
  into.version = header.version;
  into.tensors.reserve(header.tensors);
  TROUPE_TRY(into.entries, read_gguf_part(bytes, 0, into.tensors));
  TROUPE_TRY(const placement_in_split split, read_split(bytes, into.entries));
  if (split.number != 0)
    return fail(errc::invalid_argument, "it is part {} of {}; open the first, whose name ends in {}", split.number + 1,
                split.count, part_suffix(0, split.count));
  if (split.count > 1 && !first)
    return fail(errc::invalid_argument, "it is one of {} parts; only whole models can be read from memory",
                split.count);
  if (split.count > 1) TROUPE_CHECK(read_other_parts(*first, split, access, into.parts, into.tensors));
  TROUPE_TRY(const auto tensors, split_number(bytes, into.entries, "split.tensors.count", into.tensors.size()));
  if (split.count > 1 && tensors != into.tensors.size())
    return fail(errc::invalid_argument, "the model has {} tensors by its metadata, but {} in its {} files", tensors,
                into.tensors.size(), into.parts.size());
  TROUPE_TRY(into.by_name, check_tensors(into.tensors));
  return {};
}

error no_memory() {
  return error(errc::out_of_memory, "the host has no memory for the lists of keys and tensors of a GGUF file");
}

}  // namespace

gguf_file::gguf_file(std::shared_ptr<const contents> held) : held_(std::move(held)) {}

result<gguf_file> gguf_file::open(const std::filesystem::path& file, gguf_access access) try {
  auto made = std::make_shared<contents>();
  TROUPE_TRY(shared_bytes bytes, read_bytes(file, access));
  made->parts.push_back(std::move(bytes));
  TROUPE_CHECK(read_parts(&file, access, *made).while_doing(fmt::format("reading {}", file.string())));
  return gguf_file(std::move(made));
} catch (const std::bad_alloc&) {
  return no_memory();
}

result<gguf_file> gguf_file::parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) try {
  auto made = std::make_shared<contents>();
  made->parts.push_back({{std::move(owner), bytes.data()}, bytes.size()});
  TROUPE_CHECK(read_parts(nullptr, gguf_access::loaded, *made));
  return gguf_file(std::move(made));
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace troupe
