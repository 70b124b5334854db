#include "lib/base/error.h"
#include "lib/base/ordered_json.h"
#include "lib/base/output_file.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "lib/weights/write_safetensors.h"

namespace headscope {
namespace {

std::string_view written_architecture(const SaeConfig& config) {
  if (config.is_transcoder()) {
    if (config.arch == SaeArch::jumprelu) {
      return "jumprelu_transcoder";
    }
    if (config.arch != SaeArch::standard) {
      throw UsageError("a {} transcoder: SAELens stores standard and jumprelu ones",
                       to_string(config.arch));
    }
    return "transcoder";
  }
  return config.arch == SaeArch::batchtopk ? "jumprelu" : to_string(config.arch);
}

Json written_config(const SaeConfig& config) {
  Json metadata = config.metadata;
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) {
      metadata[name] = text;
    }
  };
  put("hook_name", config.hook);
  put("hook_name_out", config.hook_out);
  put("model_name", config.model);
  if (!metadata.contains("sae_lens_version")) {
    metadata["sae_lens_version"] = "6.48.0";  // whose meaning of the fields this is
  }
  Json json{{"architecture", written_architecture(config)},
            {"d_in", config.d_in},
            {"d_sae", config.d_sae},
            {"dtype", "float32"},
            {"device", "cpu"},
            {"apply_b_dec_to_input", config.apply_b_dec_to_input},
            {"normalize_activations", to_string(config.normalisation)},
            {"reshape_activations", config.hook.ends_with("hook_z") ? "hook_z" : "none"},
            {"metadata", metadata}};
  if (config.arch == SaeArch::topk) {
    json["k"] = config.k;
    json["rescale_acts_by_decoder_norm"] = config.rescale_by_decoder_norm;
  }
  if (config.is_transcoder()) {
    json["d_out"] = config.d_out;
  }
  return json;
}

std::vector<NamedArray> written_tensors(const SaeWeights& weights) {
  std::vector<NamedArray> arrays;
  const std::pair<const char*, Tensor> named[] = {{"W_enc", weights.W_enc},
                                                  {"W_dec", weights.W_dec},
                                                  {"b_enc", weights.b_enc},
                                                  {"b_dec", weights.b_dec},
                                                  {"threshold", weights.threshold},
                                                  {"b_gate", weights.b_gate},
                                                  {"b_mag", weights.b_mag},
                                                  {"r_mag", weights.r_mag}};
  for (const auto& [name, tensor] : named) {
    if (tensor.defined()) {
      arrays.push_back({name, tensor.sizes().vec(), to_floats(tensor)});
    }
  }
  return arrays;
}

}  // namespace

void write_sae(const Sae& sae,
               const std::filesystem::path& folder,
               const std::vector<float>& log_sparsity) {
  if (sae.weights().W_skip.defined()) {
    throw UsageError("{}: SAELens directories of skip transcoders are read, not written",
                     folder.string());
  }
  const std::string config = written_config(sae.config()).dump(2) + "\n";
  write_file(folder / "sae_weights.safetensors", safetensors_bytes(written_tensors(sae.weights())));
  if (!log_sparsity.empty()) {
    write_file(folder / "sparsity.safetensors",
               safetensors_bytes(
                   {{"sparsity", {static_cast<std::int64_t>(log_sparsity.size())}, log_sparsity}}));
  }
  write_file(folder / "cfg.json", config);  // last: a folder without it is no SAE
}

}  // namespace headscope
