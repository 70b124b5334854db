// A model by the name a user gives it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/families/weight_storage.h"
#include "lib/model/model.h"

namespace headscope {

struct LoadOptions {
  Device device{};
  DType dtype = DType::f32;
  // Gaussian weights of that seed instead of the files': for timing. Needs only a config.
  std::optional<std::uint64_t> random_seed{};
  WeightStorage weights = WeightStorage::unpacked;
};

// `name`: a Hugging Face directory, a .gguf file, a hub id already in the local Hugging Face cache
// (HF_HOME respected), or "smollm2". Throws DataError for what is missing or broken, ResourceError
// if the model will not fit in memory (before reading it, with the estimate), UsageError for packed
// weights in another dtype than f32, on a GPU, or at random.
Model load_model(const std::string& name, const LoadOptions& options = {});

// Its tokenizer alone; needs no weights. DataError if there is none.
Tokenizer load_tokenizer(const std::string& name);

// Where the files of `name` are; DataError saying how to get them if they are nowhere.
std::filesystem::path find_model(const std::string& name);

// What a model is without its weights, and what it will need.
struct ModelSummary {
  ModelConfig config;
  std::filesystem::path path;
  std::int64_t parameters = 0;
  std::string stored;  // the encoding most of the weights have: "Q4_1", "BF16"
  std::int64_t stored_bytes = 0;
  std::string tokenizer;  // its kind, or why there is none
};
ModelSummary summarize_model(const std::string& name);

// Throws what load_model() does of files that are damaged or do not fit the config, without reading
// a value: a tensor that is missing, of another shape, or that nothing reads.
void check_model(const std::string& name);

// What a config.json says, read as load_model() reads it; `where` names it in messages. Throws
// DataError.
ModelConfig read_model_config(const Json& config, const std::string& where);

// Numbers in the files' weights, at most 1e18.
std::int64_t parameter_count(const ModelConfig& config);

// Bytes the weights of a model's files take in memory as WeightStorage::packed; 0 where there is a
// config alone. DataError for tensors that are missing or of another shape.
std::int64_t packed_weight_bytes(const std::string& name);

// Bytes the weights take in `dtype` once they are loaded (narrow embeddings widened), at most 4e18.
std::int64_t weight_bytes(const ModelConfig& config, DType dtype);

}  // namespace headscope
