// Every head of a model under one operator, measured on texts and kept in result files, so that a
// run that was stopped goes on.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "analyses/operators/operator_effects.h"
#include "analyses/results/result_store.h"
#include "lib/text/prompt.h"

namespace headscope {

struct OperatorMeasureRun {
  const Model& model;
  const std::vector<Prompt>& prompts;
  OperatorChoice choice;
  OperatorEffectsOptions effects{};
  // A result of layer × head for each measure: OUT of nll, and beside it OUT with the measure's
  // name before its ending (m.h5, m.kl.h5, …).
  std::filesystem::path out;
  IfExists if_exists = IfExists::fail;
  Json provenance;  // of the model; what tells the measurement is added
  std::function<bool()> stop = {};
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // layers of prompts
};

// The file of a measure.
std::filesystem::path measure_file(const std::filesystem::path& out, OperatorMeasure measure);

// Runs what the files do not have yet. False if `stop` ended it between two layers. Throws what
// ResultStore and OperatorEffects do, and UsageError for no prompts.
bool measure_operator(const OperatorMeasureRun& run);

// The files read again, in the order of kOperatorMeasures. Throws DataError as read_result().
using OperatorResults = std::array<Result, kOperatorMeasures.size()>;
OperatorResults read_operator_results(const std::filesystem::path& out);

// `windows` pieces of `tokens` tokens each, from a text's beginning on; fewer where it ends, none
// of fewer tokens. `bos`: whether each begins with one. Throws UsageError if there is not one whole
// piece, naming `where`, and for a length that the model does not take.
struct TextWindows {
  std::int64_t tokens = 256;
  std::int64_t windows = 8;
  PrependBos bos = PrependBos::automatic;
};
std::vector<Prompt> text_windows(const Model& model,
                                 const std::string& text,
                                 const std::string& where,
                                 const TextWindows& cut);

}  // namespace headscope
