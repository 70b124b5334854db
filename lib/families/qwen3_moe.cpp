// Qwen 3 with a mixture of experts (Yang et al. 2025, arXiv:2505.09388). Some layers may keep a
// dense MLP.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/expert_fields.h"
#include "lib/families/fields.h"
#include "lib/families/qwen.h"

namespace headscope {
namespace {

// Every `decoder_sparse_step`-th layer has experts, but for those of mlp_only_layers.
void read_dense_layers(ConfigFields& f, ModelConfig& c, std::int64_t d_mlp) {
  const std::int64_t step = f.integer("decoder_sparse_step", 1);
  const Json listed = f.raw("mlp_only_layers");
  const Json dense = listed.is_null() ? Json::array() : listed;
  if (step < 1 || !dense.is_array()) {
    throw DataError(
        "{}: \"decoder_sparse_step\": {} and \"mlp_only_layers\": {} must be a number "
        "above 0 and a list of layers",
        f.where(),
        step,
        dense.dump());
  }
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const bool named = std::find(dense.begin(), dense.end(), layer) != dense.end();
    if (named || (layer + 1) % step != 0) {
      c.layers[static_cast<std::size_t>(layer)].mlp = LayerMlp::dense;
      c.d_mlp = d_mlp;
    }
  }
}

ModelConfig qwen3_moe_config(ConfigFields& f) {
  f.set_default("num_key_value_heads", 4);
  f.set_default("moe_intermediate_size", 768);
  f.set_default("sliding_window", 4096);
  ModelConfig c = llama_config(f);
  const std::int64_t d_mlp = c.d_mlp;
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.qk_norm = QkNorm::per_head;
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  read_experts(f, c, "moe_intermediate_size", {.count = 128, .chosen = 8});
  c.experts.renormalized = f.flag("norm_topk_prob", false);
  read_dense_layers(f, c, d_mlp);
  f.ignore({"max_window_layers"});  // transformers slides all layers or none
  if (f.flag("use_sliding_window", false)) {
    read_window_of_all(f, c);
  }
  f.ignore({"sliding_window"});
  return c;
}

WeightRules qwen3_moe_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = qwen3_rules(c, naming);
  add_expert_rules(
      rules, c, naming, {"model.layers.{l}.mlp.", "gate_proj", "up_proj", "down_proj"});
  return rules;
}

}  // namespace

Family qwen3_moe_family() {
  return {.name = "qwen3_moe",
          .architectures = {"Qwen3MoeForCausalLM"},
          .gguf = {"qwen3moe"},
          .model_types = {"qwen3_moe"},
          .config = qwen3_moe_config,
          .rules = qwen3_moe_rules};
}

}  // namespace headscope
