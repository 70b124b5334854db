// BLOOM (Le Scao et al. 2022, arXiv:2211.05100): ALiBi for positions, a norm of the embeddings,
// queries, keys and values fused head by head.
#include <algorithm>
#include <cmath>

#include "lib/families/alibi.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/gpt_shape.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

constexpr std::int64_t kTrainedLength = 2048;  // of every BLOOM, where a config does not say

// What Megatron-DeepSpeed left in configs and transformers never reads, or what it reads only with
// several tensor-parallel ranks, for other rounding.
void read_rest(ConfigFields& f, std::int64_t d_mlp) {
  f.require("apply_residual_connection_post_layernorm", false);
  f.require_same("n_inner", d_mlp, "4 times the width, which every BLOOM has");
  f.ignore({"attention_softmax_in_fp32",
            "bias_dropout_fusion",
            "hidden_dropout",
            "masked_softmax_fusion",
            "offset_alibi",
            "skip_bias_add",
            "skip_bias_add_qkv",
            "slow_but_exact"});
}

ModelConfig bloom_config(ConfigFields& f) {
  f.also_called("hidden_size", "n_embed");
  f.also_called("n_layer", "num_hidden_layers");
  f.also_called("n_head", "num_attention_heads");
  f.also_called("seq_length", "max_position_embeddings");
  ModelConfig c;
  c.n_layers = read_layer_count(f, "n_layer");
  c.d_model = f.integer("hidden_size");
  c.n_heads = c.n_kv_heads = f.integer("n_head");
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  c.d_mlp = four_times_width(c);
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("seq_length", kTrainedLength);
  c.norm = Norm::layer_norm;
  c.norm_eps = f.number("layer_norm_epsilon", 1e-5);
  c.activation = Activation::gelu_tanh;
  c.mlp = Mlp::plain;
  c.positions = Positions::none;
  c.embed_norm = c.qkv_bias = c.out_bias = c.mlp_bias = true;
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  c.layers.assign(static_cast<std::size_t>(c.n_layers), {.alibi = alibi_slopes(c.n_heads)});
  read_rest(f, c.d_mlp);
  return c;
}

WeightRules bloom_huggingface(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "transformer.word_embeddings.weight"},
                 {"ln_embed.w", "transformer.word_embeddings_layernorm.weight"},
                 {"ln_embed.b", "transformer.word_embeddings_layernorm.bias"},
                 {"ln_final.w", "transformer.ln_f.weight"},
                 {"ln_final.b", "transformer.ln_f.bias"}};
  const std::string h = "transformer.h.{l}.";
  rules.block = fused_block_rules(h, "self_attention", Layout::per_head_qkv);
  add_affine(rules.block, "ln1.", h + "input_layernorm.");
  add_affine(rules.block, "ln2.", h + "post_attention_layernorm.");
  add_head(rules, c, "lm_head.weight");
  return rules;
}

WeightRules bloom_rules(const ModelConfig& c, Naming naming) {
  if (naming == Naming::huggingface) {
    return bloom_huggingface(c);
  }
  WeightRules rules = gguf_fused_rules(c);
  rules.model.push_back({"ln_embed.w", "token_embd_norm.weight"});
  rules.model.push_back({"ln_embed.b", "token_embd_norm.bias"});
  return rules;
}

}  // namespace

Family bloom_family() {
  return {.name = "bloom",
          .architectures = {"BloomForCausalLM"},
          .gguf = {"bloom"},
          .model_types = {"bloom"},
          .config = bloom_config,
          .rules = bloom_rules};
}

}  // namespace headscope
