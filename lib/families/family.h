// A family of models is data: a function from its config to ModelConfig, and its weight rules.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/families/config_fields.h"
#include "lib/families/rules.h"
#include "lib/model/config.h"

namespace headscope {

enum class Naming { huggingface, gguf };

struct Family {
  std::string_view name;                        // "llama"
  std::vector<std::string_view> architectures;  // config.json's "architectures"
  std::vector<std::string_view> gguf;           // GGUF's general.architecture
  // The family that reads its GGUF files, where llama.cpp gives them that one's architecture.
  std::string_view gguf_family = {};
  std::vector<std::string_view> model_types;  // config.json's "model_type", if it has one
  // Reads every field that matters; GGUF metadata come translated to the same field names.
  ModelConfig (*config)(ConfigFields& fields);
  // Which tensors a file holds depends on the config (biases) and the naming.
  WeightRules (*rules)(const ModelConfig& config, Naming naming);
};

// The list; a new family is a file and a line here (all.cpp).
std::span<const Family> all_families();

// Throws DataError listing what is supported.
const Family& family_for(std::string_view architecture, Naming naming, const std::string& where);

}  // namespace headscope
