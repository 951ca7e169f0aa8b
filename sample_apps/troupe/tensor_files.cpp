#include "tensor_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

#include "console.hpp"
#include "troupe/engine/npy.hpp"
#include "troupe/engine/onnx_import.hpp"

namespace troupe::app {
namespace {

error bad(std::string message) {
  return error(errc::invalid_argument, std::move(message));
}

std::string list_of(std::span<const value_info> declared) {
  std::vector<std::string> names;
  for (const value_info& input : declared)
    names.push_back(fmt::format("\"{}\" {}{}", input.name, text_of_type(input), text_of_dims(input)));
  return names.empty() ? "the model has no inputs" : fmt::format("the model's inputs are {}", fmt::join(names, ", "));
}

/// Which input an argument means, and its file. A name may hold `=` itself, so every `=` is tried.
struct assignment {
  std::optional<std::size_t> input;  ///< nothing: by position
  std::string file;
};

result<assignment> parse(const std::string& argument, std::span<const value_info> declared) {
  for (std::size_t mark = argument.find('='); mark != std::string::npos; mark = argument.find('=', mark + 1))
    for (std::size_t i = 0; i < declared.size(); ++i)
      if (declared[i].name == argument.substr(0, mark)) return assignment{i, argument.substr(mark + 1)};
  std::error_code status;
  const std::size_t mark = argument.find('=');
  if (mark != std::string::npos && !std::filesystem::exists(argument, status))
    return bad(fmt::format("there is no input \"{}\"; {}", argument.substr(0, mark), list_of(declared)));
  return assignment{std::nullopt, argument};
}

result<tensor> read_tensor(const std::string& file) {
  const std::string ending = std::filesystem::path(file).extension().string();
  if (ending == ".npy") return read_npy(file);
  if (ending == ".pb") return read_tensor_proto(file);
  return bad(fmt::format("{} ends neither in .npy nor in .pb", file));
}

result<tensor> as_declared(tensor given, const value_info& declared, const std::string& file) {
  if (!declared.type_known || given.type() == declared.type) return given;
  if (is_float(given.type()) && is_float(declared.type)) return convert(given, declared.type);
  return bad(fmt::format("the input \"{}\" is {}, but {} holds {}; convert the file", declared.name,
                         to_string(declared.type), file, to_string(given.type())));
}

std::string file_name_of(const std::string& name) {
  std::string made = name;
  for (char& letter : made) {
    const bool kept = (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
                      (letter >= '0' && letter <= '9') || letter == '_' || letter == '.' || letter == '-';
    if (!kept) letter = '_';
  }
  return made;
}

}  // namespace

result<std::vector<tensor>> read_inputs(std::span<const std::string> arguments, std::span<const value_info> declared) {
  std::vector<std::optional<std::string>> files(declared.size());
  std::vector<std::string> unnamed;
  for (const std::string& argument : arguments) {
    TROUPE_TRY(assignment meant, parse(argument, declared));
    if (!meant.input) {
      unnamed.push_back(std::move(meant.file));
    } else if (files[*meant.input]) {
      return bad(fmt::format("the input \"{}\" is given twice", declared[*meant.input].name));
    } else {
      files[*meant.input] = std::move(meant.file);
    }
  }
  auto next = unnamed.begin();
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i]) continue;
    if (next == unnamed.end()) {
      missing.push_back(fmt::format("\"{}\"", declared[i].name));
    } else {
      files[i] = *next++;
    }
  }
  if (next != unnamed.end())
    return bad(fmt::format("{} inputs are given to a model that has {}; {}", arguments.size(), declared.size(),
                           list_of(declared)));
  if (!missing.empty())
    return bad(fmt::format("no file is given for {}; {}", fmt::join(missing, ", "), list_of(declared)));

  std::vector<tensor> read;
  for (std::size_t i = 0; i < files.size(); ++i) {
    TROUPE_TRY(tensor data, read_tensor(*files[i]).while_doing(fmt::format("input \"{}\"", declared[i].name)));
    TROUPE_TRY(data, as_declared(std::move(data), declared[i], *files[i]));
    read.push_back(std::move(data));
  }
  return read;
}

result<std::vector<std::filesystem::path>> write_outputs(const std::filesystem::path& folder,
                                                         std::span<const value_info> declared,
                                                         std::span<const tensor> outputs, bool numbered) {
  std::error_code status;
  std::filesystem::create_directories(folder, status);
  if (status)
    return error(errc::unavailable, fmt::format("the folder {} cannot be made: {}", folder.string(), status.message()));
  std::vector<std::filesystem::path> files;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string wanted = numbered ? fmt::format("output_{}", i) : file_name_of(declared[i].name);
    std::string name = wanted;
    for (int copy = 2; !taken.insert(name).second; ++copy) name = fmt::format("{}_{}", wanted, copy);
    files.push_back(folder / (name + ".npy"));
    TROUPE_CHECK(write_npy(files.back(), outputs[i]));
  }
  return files;
}

}  // namespace troupe::app
