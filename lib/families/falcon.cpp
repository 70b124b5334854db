// Falcon (Almazrouei et al. 2023, arXiv:2311.16867) in its three forms: 7B (one KV head, attention
// and MLP in parallel behind one norm), 40B and 11B (grouped KV heads, a norm each or one), RW-1B
// (in sequence, ALiBi, biases). transformers 5.23's eager attention adds ALiBi twice; this is what
// its default, sdpa, computes.
#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/families/alibi.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/gpt_shape.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

// How attention and MLP stand to each other, and how many heads share keys and values.
void read_form(ConfigFields& f, ModelConfig& c) {
  const bool grouped = f.flag("new_decoder_architecture", false);
  const bool multi_query = f.flag("multi_query", true);
  const bool parallel = f.flag("parallel_attn", true);
  const std::int64_t norms = f.optional_integer("num_ln_in_parallel_attn", grouped ? 2 : 1);
  const std::int64_t kv_heads = f.optional_integer("num_kv_heads", c.n_heads);
  c.n_kv_heads = grouped ? kv_heads : multi_query ? 1 : c.n_heads;
  c.block_order = parallel ? BlockOrder::parallel : BlockOrder::sequential;
  c.shared_norm = parallel && norms == 1;
  if (!grouped && !multi_query) {
    f.require_same("num_kv_heads", c.n_heads, "the number of heads (\"multi_query\": false)");
  }
  // transformers fails on these itself: each names norms that its layers lack.
  if ((grouped && !parallel) || (parallel && norms != 1 && (norms != 2 || !grouped))) {
    throw DataError(
        "{}: num_ln_in_parallel_attn {} and parallel_attn {} are no Falcon with "
        "new_decoder_architecture {}",
        f.where(),
        norms,
        parallel,
        grouped);
  }
}

void read_positions(ConfigFields& f, ModelConfig& c) {
  LayerConfig layer;
  if (f.flag("alibi", false)) {
    c.positions = Positions::none;
    layer.key_slopes = alibi_slopes(c.n_heads);
    f.ignore({"rope_theta", "rope_parameters", "rope_scaling"});
  } else {
    c.ropes = {read_rope(f, c.d_head, 10000.0)};
  }
  c.layers.assign(static_cast<std::size_t>(c.n_layers), layer);
}

ModelConfig falcon_config(ConfigFields& f) {
  f.also_called("hidden_size", "n_embed");
  ModelConfig c;
  c.n_layers = read_layer_count(f, "num_hidden_layers");
  c.d_model = f.integer("hidden_size");
  c.n_heads = f.integer("num_attention_heads");
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  c.d_mlp = f.optional_integer("ffn_hidden_size", four_times_width(c));
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("max_position_embeddings", 2048);
  c.norm = Norm::layer_norm;
  c.norm_eps = f.number("layer_norm_epsilon", 1e-5);
  c.activation = read_activation(f, "activation", "gelu");
  c.mlp = Mlp::plain;
  c.qkv_bias = c.out_bias = c.mlp_bias = f.flag("bias", false);
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  read_form(f, c);
  read_positions(f, c);
  // 40B's files hold these, which transformers does not read.
  f.ignore({"apply_residual_connection_post_layernorm", "ff_factor", "hidden_dropout"});
  return c;
}

// The names of the norms before attention and before the MLP.
struct NormNames {
  const char* attention;
  const char* mlp;
};

NormNames norm_names(const ModelConfig& c) {
  if (c.shared_norm) {
    return {"input_layernorm", "input_layernorm"};
  }
  return c.block_order == BlockOrder::parallel
             ? NormNames{"ln_attn", "ln_mlp"}
             : NormNames{"input_layernorm", "post_attention_layernorm"};
}

WeightRules falcon_huggingface(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "transformer.word_embeddings.weight"},
                 {"ln_final.w", "transformer.ln_f.weight"},
                 {"ln_final.b", "transformer.ln_f.bias"}};
  const std::string h = "transformer.h.{l}.";
  const NormNames norms = norm_names(c);
  rules.block = fused_block_rules(h, "self_attention", Layout::grouped_qkv);
  add_affine(rules.block, "ln1.", h + norms.attention + ".");
  add_affine(rules.block, "ln2.", h + norms.mlp + ".");
  if (!c.mlp_bias) {
    drop(rules, "attn.b_");
    drop(rules, "mlp.b_");
  }
  add_head(rules, c, "lm_head.weight");
  return rules;
}

// llama.cpp's files hold the parallel forms alone: the MLP's norm is attn_norm, and attention's too
// unless there is an attn_norm_2.
WeightRules falcon_rules(const ModelConfig& c, Naming naming) {
  if (naming == Naming::huggingface) {
    return falcon_huggingface(c);
  }
  WeightRules rules = gguf_fused_rules(c);
  for (WeightRule& rule : rules.block) {
    const std::string kind = rule.target.ends_with(".w") ? ".weight" : ".bias";
    if (rule.target.starts_with("ln1.")) {
      rule.source = (c.shared_norm ? "blk.{l}.attn_norm" : "blk.{l}.attn_norm_2") + kind;
    } else if (rule.target.starts_with("ln2.")) {
      rule.source = "blk.{l}.attn_norm" + kind;
    }
  }
  return rules;
}

}  // namespace

Family falcon_family() {
  return {.name = "falcon",
          .architectures = {"FalconForCausalLM"},
          .gguf = {"falcon"},
          .model_types = {"falcon"},
          .config = falcon_config,
          .rules = falcon_rules};
}

}  // namespace headscope
