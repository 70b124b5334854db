// Llama 1 to 3 (Touvron et al. 2023, arXiv:2302.13971; Grattafiori et al. 2024, arXiv:2407.21783)
// and everything shaped like it.
#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/families/expert_fields.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {

ModelConfig llama_config(ConfigFields& f, const LlamaFields& names) {
  ModelConfig c;
  c.n_layers = read_layer_count(f, "num_hidden_layers");
  c.d_model = f.integer("hidden_size");
  c.n_heads = f.integer("num_attention_heads");
  c.n_kv_heads = f.optional_integer("num_key_value_heads", c.n_heads);
  c.d_head = f.optional_integer("head_dim", c.d_model / std::max<std::int64_t>(1, c.n_heads));
  c.d_mlp = f.integer("intermediate_size");
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("max_position_embeddings");
  c.norm_eps = f.number(names.norm_eps, names.usual_norm_eps);
  c.activation = read_activation(f, names.activation, names.usual_activation);
  c.tied_embeddings = f.flag("tie_word_embeddings", false);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  c.layers.resize(static_cast<std::size_t>(c.n_layers));
  return c;
}

void read_attention_bias(ConfigFields& f, ModelConfig& c) {
  c.qkv_bias = c.out_bias = f.flag("attention_bias", false);
}

void read_mlp_bias(ConfigFields& f, ModelConfig& c) {
  c.mlp_bias = f.flag("mlp_bias", false);
}

void tell_of_unread_biases(ConfigFields& f, const ModelConfig& c) {
  constexpr const char* kSource = "what this architecture has";
  f.tell_if_other("attention_bias", c.qkv_bias, kSource);
  f.tell_if_other("mlp_bias", c.mlp_bias, kSource);
}

namespace {

void add_attention_biases(WeightRules& rules,
                          const ModelConfig& c,
                          const std::string& prefix,
                          const char* const (&names)[4]) {
  static constexpr const char* kTargets[] = {"attn.b_Q", "attn.b_K", "attn.b_V", "attn.b_O"};
  const std::size_t count = c.out_bias ? 4 : 3;
  for (std::size_t i = 0; i < count; ++i) {
    rules.block.push_back({kTargets[i], prefix + names[i] + ".bias"});
  }
}

void add_mlp_biases(WeightRules& rules, const std::string& prefix, const char* const (&names)[3]) {
  static constexpr const char* kTargets[] = {"mlp.b_gate", "mlp.b_up", "mlp.b_out"};
  for (std::size_t i = 0; i < 3; ++i) {
    rules.block.push_back({kTargets[i], prefix + names[i] + ".bias"});
  }
}

WeightRules llama_huggingface(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "model.embed_tokens.weight"}, {"ln_final.w", "model.norm.weight"}};
  const std::string h = "model.layers.{l}.";
  rules.block = {{"ln1.w", h + "input_layernorm.weight"},
                 {"attn.W_Q", h + "self_attn.q_proj.weight"},
                 {"attn.W_K", h + "self_attn.k_proj.weight"},
                 {"attn.W_V", h + "self_attn.v_proj.weight"},
                 {"attn.W_O", h + "self_attn.o_proj.weight"},
                 {"ln2.w", h + "post_attention_layernorm.weight"},
                 {"mlp.W_gate", h + "mlp.gate_proj.weight"},
                 {"mlp.W_up", h + "mlp.up_proj.weight"},
                 {"mlp.W_out", h + "mlp.down_proj.weight"}};
  if (c.qkv_bias) {
    add_attention_biases(rules, c, h + "self_attn.", {"q_proj", "k_proj", "v_proj", "o_proj"});
  }
  if (c.mlp_bias) {
    add_mlp_biases(rules, h + "mlp.", {"gate_proj", "up_proj", "down_proj"});
  }
  rules.ignored = {".rotary_emb.inv_freq"};
  add_head(rules, c, "lm_head.weight");
  return rules;
}

WeightRules gguf(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "token_embd.weight"}, {"ln_final.w", "output_norm.weight"}};
  const std::string blk = "blk.{l}.";
  rules.block = {{"ln1.w", blk + "attn_norm.weight"},
                 {"attn.W_Q", blk + "attn_q.weight"},
                 {"attn.W_K", blk + "attn_k.weight"},
                 {"attn.W_V", blk + "attn_v.weight"},
                 {"attn.W_O", blk + "attn_output.weight"},
                 {"ln2.w", blk + "ffn_norm.weight"},
                 {"mlp.W_gate", blk + "ffn_gate.weight"},
                 {"mlp.W_up", blk + "ffn_up.weight"},
                 {"mlp.W_out", blk + "ffn_down.weight"}};
  if (c.qkv_bias) {
    add_attention_biases(rules, c, blk, {"attn_q", "attn_k", "attn_v", "attn_output"});
  }
  if (c.mlp_bias) {
    add_mlp_biases(rules, blk, {"ffn_gate", "ffn_up", "ffn_down"});
  }
  rules.ignored = {"rope_freqs.weight"};  // read with the config
  if (!c.tied_embeddings) {
    rules.model.push_back({"W_U", "output.weight"});
  }
  return rules;
}

// A llama GGUF stores the rows of a whole head in pairs (mark_rotary_pairs); how one that turns a
// part of the head pairs its rows is not defined.
std::int64_t whole_head(ConfigFields& f, std::int64_t d_head) {
  const std::int64_t dim = f.integer("rope_dim", d_head);  // only GGUF files have it
  if (dim != d_head) {
    throw DataError(
        "{}: llama.rope.dimension_count {} beside heads of {} (llama.attention.key_length) is not "
        "supported; headscope turns whole heads of this architecture",
        f.where(),
        dim,
        d_head);
  }
  return dim;
}

ModelConfig llama_family_config(ConfigFields& f) {
  ModelConfig c = llama_config(f);
  read_attention_bias(f, c);
  read_mlp_bias(f, c);
  c.ropes = {read_rope(f, whole_head(f, c.d_head), 10000.0)};
  if (f.flag("gguf_experts", false)) {  // Mixtral, which llama.cpp calls "llama"
    read_experts(f, c, "intermediate_size", {.count = 0, .chosen = 0});
    c.experts.renormalized = true;
  }
  return c;
}

WeightRules llama_family_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  if (naming == Naming::gguf) {
    mark_rotary_pairs(rules);
    if (c.experts.count > 0) {
      add_expert_rules(rules, c, naming, {});
    }
  }
  return rules;
}

}  // namespace

// llama.cpp turns neighbouring dimensions together, so its converter permutes the rows of queries
// and keys of the llama and olmo architectures.
void mark_rotary_pairs(WeightRules& rules) {
  for (WeightRule& rule : rules.block) {
    for (const char* target : {"attn.W_Q", "attn.W_K", "attn.b_Q", "attn.b_K"}) {
      if (rule.target == target) {
        rule.layout = Layout::rotary_pairs;
      }
    }
  }
}

WeightRules llama_rules(const ModelConfig& c, Naming naming) {
  return naming == Naming::huggingface ? llama_huggingface(c) : gguf(c);
}

Family llama_family() {
  return {.name = "llama",
          .architectures = {"LlamaForCausalLM"},
          .gguf = {"llama"},
          .model_types = {"llama"},
          .config = llama_family_config,
          .rules = llama_family_rules};
}

}  // namespace headscope
