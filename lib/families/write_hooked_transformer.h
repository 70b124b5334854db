// Models of our own making as directories that load_model() reads: the inverse of
// hooked_transformer.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/model/config.h"
#include "lib/model/weights.h"
#include "lib/weights/write_safetensors.h"

namespace headscope {

// config.json of a model of the family "hooked_transformer". InternalError for a config that this
// family cannot spell (gated MLPs, sandwiched norms, …): reading the result gives `config` back.
OrderedJson hooked_transformer_json(const ModelConfig& config);

// Its parameters by the names and in the layouts of TransformerLens's state dict, f32.
std::vector<NamedArray> hooked_transformer_arrays(const Weights& weights,
                                                  const ModelConfig& config);

// Writes config.json and model.safetensors, and what lies beside them (tokenizer.json, …), by name
// and text. Each file appears whole or not at all. Throws as OutputFile does.
struct ModelDirectory {
  ModelConfig config;
  Weights weights;
  std::vector<std::pair<std::string, std::string>> beside;
};
void write_model_directory(const std::filesystem::path& directory, const ModelDirectory& model);

}  // namespace headscope
