// Inputs from files and outputs to files.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/result.hpp"

namespace troupe::app {

/// Reads what `--input` names, each `NAME=FILE` or `FILE` (the next input that is not given by name), in the order of
/// the model's inputs. FILE is .npy or .pb. Floating-point data is converted to the declared floating-point type;
/// anything else must match. Errors name the input and, when one is missing or unknown, all that the model has.
result<std::vector<tensor>> read_inputs(std::span<const std::string> arguments, std::span<const value_info> declared);

/// Writes each output to `folder`/NAME.npy, making the folder, and returns the files. Characters of NAME outside
/// `A-Za-z0-9_.-` become `_`; of equal names the second gets `_2` and so on. With `numbered` the names are output_0,
/// output_1, ... instead.
result<std::vector<std::filesystem::path>> write_outputs(const std::filesystem::path& folder,
                                                         std::span<const value_info> declared,
                                                         std::span<const tensor> outputs, bool numbered);

}  // namespace troupe::app
