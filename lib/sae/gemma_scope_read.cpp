// Gemma Scope: a folder with params.npz of W_enc, W_dec, b_enc, b_dec and threshold (Lieberum et
// al. 2024, arXiv:2408.05147). The file says neither model nor hook point: the path does.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/ops.h"
#include "lib/weights/npz.h"

namespace headscope {
namespace {

Tensor npz_tensor(const std::map<std::string, NpyArray>& arrays,
                  std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto found = arrays.find(name); found != arrays.end()) {
      Tensor tensor = at::empty(found->second.shape, at::kFloat);
      std::copy(found->second.values.begin(), found->second.values.end(), tensor.data_ptr<float>());
      return tensor;
    }
  }
  return {};
}

// ".../gemma-scope-2b-pt-att/layer_5/width_16k/average_l0_70" → "blocks.5.attn.hook_z"; empty if
// the path says too little.
std::string gemma_scope_hook(const std::filesystem::path& folder) {
  std::string site;
  std::string layer;
  for (const auto& part : std::filesystem::absolute(folder)) {
    const std::string text = part.string();
    if (text.starts_with("gemma-scope")) {
      site = text.ends_with("-att")   ? "attn.hook_z"
             : text.ends_with("-mlp") ? "hook_mlp_out"
             : text.ends_with("-res") ? "hook_resid_post"
                                      : "";
    }
    if (text.starts_with("layer_") && text.size() > 6 &&
        text.find_first_not_of("0123456789", 6) == std::string::npos) {
      layer = text.substr(6);
    }
  }
  return site.empty() || layer.empty() ? "" : "blocks." + layer + "." + site;
}

}  // namespace

std::optional<Sae> read_gemma_scope(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "params.npz";
  if (!path_exists(file)) {
    return std::nullopt;
  }
  const auto arrays = read_npz(file);
  SaeWeights weights;
  weights.W_enc = npz_tensor(arrays, {"W_enc", "w_enc"});
  weights.W_dec = npz_tensor(arrays, {"W_dec", "w_dec"});
  weights.b_enc = npz_tensor(arrays, {"b_enc"});
  weights.b_dec = npz_tensor(arrays, {"b_dec"});
  weights.threshold = npz_tensor(arrays, {"threshold"});
  if (!weights.W_enc.defined() || weights.W_enc.dim() != 2 || !weights.W_dec.defined() ||
      weights.W_dec.dim() != 2) {
    throw DataError("{}: no matrices W_enc and W_dec; not of Gemma Scope", file.string());
  }
  if (const Tensor factor = npz_tensor(arrays, {"scaling_factor"});
      factor.defined() && (factor != 1.0).any().item<bool>()) {
    throw DataError("{}: has a scaling_factor; fold it into W_dec first", file.string());
  }
  SaeConfig config;
  config.arch = SaeArch::jumprelu;
  config.d_in = weights.W_enc.size(0);
  config.d_sae = weights.W_enc.size(1);
  config.d_out = weights.W_dec.size(1);
  config.apply_b_dec_to_input = false;
  config.hook = gemma_scope_hook(folder);
  config.metadata = {{"format", "Gemma Scope"}};
  return Sae(config, weights, file.string());
}

}  // namespace headscope
