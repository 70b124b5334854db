// Operators with many values of their parameters, as a file says it: {"format":
// "headscope-operator-grid", "version": 1, "operators": ["top-k:k=16", {"operator": "streaming",
// "sink": 4, "local": [16, 64]}, …]}.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/attention/operators/operator_choice.h"

namespace headscope {

// Every combination of the values, in the order of the file. Throws DataError naming the file and
// the entry: another format, a field no one knows, what the operator refuses, no operator, or one
// that comes twice.
std::vector<OperatorChoice> read_operator_grid(const std::filesystem::path& file);

// What a file is called after an operator: "streaming-sink4-local64".
std::string file_stem(const OperatorChoice& choice);

}  // namespace headscope
