// OLMoE (Muennighoff et al. 2024, arXiv:2409.02060): Llama with a mixture of experts, and all
// queries, all keys of a layer normalised together.
#include "lib/base/error.h"
#include "lib/families/expert_fields.h"
#include "lib/families/fields.h"
#include "lib/families/qwen.h"

namespace headscope {
namespace {

ModelConfig olmoe_config(ConfigFields& f) {
  ModelConfig c = llama_config(f, {.usual_norm_eps = 1e-5});
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.qk_norm = QkNorm::whole;
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  if (f.has("clip_qkv")) {
    throw DataError(
        "{}: \"clip_qkv\" is not supported for this architecture, which cuts behind the norms of "
        "queries and keys; published models have null",
        f.where());
  }
  read_experts(f, c, "intermediate_size", {.count = 64, .chosen = 8});
  c.experts.renormalized = f.flag("norm_topk_prob", false);
  return c;
}

WeightRules olmoe_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = qwen3_rules(c, naming);
  add_expert_rules(
      rules, c, naming, {"model.layers.{l}.mlp.", "gate_proj", "up_proj", "down_proj"});
  return rules;
}

}  // namespace

Family olmoe_family() {
  return {.name = "olmoe",
          .architectures = {"OlmoeForCausalLM"},
          .gguf = {"olmoe"},
          .model_types = {"olmoe"},
          .config = olmoe_config,
          .rules = olmoe_rules};
}

}  // namespace headscope
