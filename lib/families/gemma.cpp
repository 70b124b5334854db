#include "lib/families/gemma.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/families/fields.h"

namespace headscope {

ModelConfig gemma_config(ConfigFields& f) {
  // hidden_act is an older release's name: transformers does not read it, whatever it says.
  constexpr const char* kDefault = "gelu_pytorch_tanh";
  f.tell_if_other("hidden_act", f.text("hidden_activation", kDefault), "\"hidden_activation\"");
  ModelConfig c =
      llama_config(f, {.activation = "hidden_activation", .usual_activation = kDefault});
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.d_head = f.integer("head_dim", 256);
  c.norm_placement = NormPlacement::sandwich;
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  const double scalar = f.number("query_pre_attn_scalar", 256.0);
  if (!(scalar > 0)) {
    throw DataError("{}: query_pre_attn_scalar {} must be above 0", f.where(), scalar);
  }
  c.attn_scale = 1.0 / std::sqrt(scalar);
  c.score_softcap = f.optional_number("attn_logit_softcapping", 0.0);
  c.logit_softcap = f.optional_number("final_logit_softcapping", 0.0);
  c.embed_scale = std::sqrt(static_cast<double>(c.d_model));
  f.require("use_bidirectional_attention", false);
  return c;
}

std::vector<bool> gemma_sliding_layers(ConfigFields& f,
                                       std::int64_t n_layers,
                                       std::int64_t pattern) {
  std::vector<bool> sliding = read_sliding_layers(f, n_layers);
  if (sliding.empty()) {
    for (std::int64_t layer = 0; layer < n_layers; ++layer) {
      sliding.push_back((layer + 1) % pattern != 0);
    }
  }
  return sliding;
}

WeightRules gemma_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  const bool hf = naming == Naming::huggingface;
  const std::string prefix = hf ? "model.layers.{l}." : "blk.{l}.";
  for (WeightRule& rule : rules.block) {
    if (hf && has_post_norm(c) && rule.target == "ln2.w") {
      rule.source = prefix + "pre_feedforward_layernorm.weight";
    }
  }
  if (has_post_norm(c)) {
    rules.block.push_back(
        {"ln1_post.w",
         prefix + (hf ? "post_attention_layernorm.weight" : "post_attention_norm.weight")});
    rules.block.push_back(
        {"ln2_post.w",
         prefix + (hf ? "post_feedforward_layernorm.weight" : "post_ffw_norm.weight")});
  }
  if (c.qk_norm == QkNorm::per_head) {
    rules.block.push_back(
        {"attn.q_norm", prefix + (hf ? "self_attn.q_norm.weight" : "attn_q_norm.weight")});
    rules.block.push_back(
        {"attn.k_norm", prefix + (hf ? "self_attn.k_norm.weight" : "attn_k_norm.weight")});
  }
  const auto mark = [](std::vector<WeightRule>& rows) {
    for (WeightRule& rule : rows) {
      if (rule.target.ends_with(".w") || rule.target.ends_with("_norm")) {
        rule.layout = Layout::gain_minus_one;
      }
    }
  };
  if (hf) {  // GGUF files hold the gains themselves
    mark(rules.model);
    mark(rules.block);
  }
  return rules;
}

}  // namespace headscope
