// sparsify (EleutherAI): a folder a hook point with cfg.json and sae.safetensors, whose encoder is
// a linear layer. https://github.com/EleutherAI/sparsify
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/sae/sae_files.h"
#include "lib/sae/stored_tensors.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// "layers.5", "layers.5.mlp", "h.5", "embed_tokens" → TransformerLens's name of what comes out
// there; empty for what has none.
std::string sparsify_hook(const std::string& folder) {
  if (folder == "embed_tokens") {
    return "hook_embed";
  }
  const std::size_t dot = folder.find('.');
  const std::string group = folder.substr(0, dot);
  if (dot == std::string::npos || (group != "layers" && group != "h")) {
    return "";
  }
  const std::size_t end = folder.find_first_not_of("0123456789", dot + 1);
  const std::string layer = folder.substr(dot + 1, end == std::string::npos ? end : end - dot - 1);
  const std::string rest = end == std::string::npos ? "" : folder.substr(end);
  if (layer.empty() ||
      (!rest.empty() && rest != ".mlp" && rest != ".attn" && rest != ".self_attn")) {
    return "";
  }
  const char* site = rest.empty()     ? "hook_resid_post"
                     : rest == ".mlp" ? "hook_mlp_out"
                                      : "hook_attn_out";
  return "blocks." + layer + "." + site;
}

Tensor transposed(const Tensor& tensor) {
  return tensor.defined() ? tensor.t().contiguous() : tensor;
}

}  // namespace

std::optional<Sae> read_sparsify(const std::filesystem::path& folder) {
  const std::filesystem::path config_file = folder / "cfg.json";
  const std::filesystem::path weights_file = folder / "sae.safetensors";
  if (!path_exists(config_file) || !path_exists(weights_file)) {
    return std::nullopt;
  }
  const Json json = read_json(config_file);
  const std::string where = config_file.string();
  const std::string activation = json.value("activation", std::string("topk"));
  if (activation != "topk" || json.value("signed", false)) {
    throw DataError("{}: {}; headscope computes sparsify's topk of positive codes",
                    where,
                    activation != "topk" ? "activation \"" + activation + "\"" : "signed codes");
  }
  const StoredSaeTensors tensors = read_stored_tensors(weights_file);
  SaeWeights weights;
  weights.W_enc = transposed(first_of(tensors, {"encoder.weight"}));
  weights.W_dec = first_of(tensors, {"W_dec"});
  weights.b_enc = first_of(tensors, {"encoder.bias"});
  weights.b_dec = first_of(tensors, {"b_dec"});
  weights.W_skip = first_of(tensors, {"W_skip"});
  if (!weights.W_enc.defined() || !weights.W_dec.defined()) {
    throw DataError("{}: no encoder.weight or no W_dec; not of sparsify", weights_file.string());
  }
  SaeConfig config;
  config.arch = SaeArch::topk;
  config.d_in = weights.W_enc.size(0);
  config.d_sae = weights.W_enc.size(1);
  config.d_out = weights.W_dec.size(1);
  config.k = json.value("k", std::int64_t{32});
  config.hook = sparsify_hook(folder.filename().string());
  const bool transcoder = json.value("transcode", false);
  config.apply_b_dec_to_input = !transcoder;
  if (transcoder) {
    const bool mlp = config.hook.ends_with("hook_mlp_out");
    config.hook_out = config.hook.empty() ? "output" : config.hook;
    config.hook = mlp ? config.hook.substr(0, config.hook.size() - 12) + "hook_mlp_in" : "";
  }
  config.metadata = {{"format", "sparsify"}, {"config", json}};
  return Sae(config, weights, weights_file.string());
}

}  // namespace headscope
