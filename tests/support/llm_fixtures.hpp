// Models and answers of a reference implementation, if this machine has them: TROUPE_LLM_FIXTURES names the folder.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "support/check.hpp"

namespace troupe::test {

inline nlohmann::json read_json(const std::filesystem::path& file) {
  std::ifstream from(file);
  nlohmann::json read = nlohmann::json::parse(from, nullptr, false);
  if (read.is_discarded()) FAIL("cannot read " << file);
  return read;
}

/// The folder `name` of the fixtures; nothing, and a warning, when this machine has none.
inline std::optional<std::filesystem::path> fixtures(const std::string& name) {
  const char* folder = std::getenv("TROUPE_LLM_FIXTURES");
  if (folder && *folder) return std::filesystem::path(folder) / name;
  WARN("skipped: TROUPE_LLM_FIXTURES names no folder with reference cases");
  return std::nullopt;
}

inline std::vector<std::filesystem::path> json_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

/// Floats from little-endian base64.
inline std::vector<float> floats_of_base64(const std::string& text) {
  std::vector<std::byte> bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (value < 0) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((held += 6) >= 8) bytes.push_back(static_cast<std::byte>(bits >> (held -= 8) & 255));
  }
  std::vector<float> floats(bytes.size() / 4);
  std::memcpy(floats.data(), bytes.data(), floats.size() * 4);
  return floats;
}

}  // namespace troupe::test
