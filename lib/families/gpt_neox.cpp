// GPT-NeoX and Pythia (Black et al. 2022, arXiv:2204.06745): attention and MLP in parallel,
// rotation of a part of each head, queries, keys and values fused head by head.
#include <algorithm>
#include <cmath>
#include <optional>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/gpt_shape.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

// The fraction of a head that turns. As transformers 5 reads it: from the rope settings, else
// rotary_pct; a partial_rotary_factor outside the settings (many releases wrote one) it drops, so
// here it must agree.
double rotary_fraction(ConfigFields& f) {
  double fraction = f.optional_number("rotary_pct", 0.25);
  std::string source = "\"rotary_pct\" (0.25 where it is not given)";
  std::optional<double> set;
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    const Json settings = f.raw(name);
    if (!settings.is_null() && !settings.is_object()) {
      throw DataError("{}: {} are {}, not an object", f.where(), name, settings.dump());
    }
    const Json own = settings.is_null() ? Json() : settings.value("partial_rotary_factor", Json());
    if (own.is_null()) {
      continue;
    }
    if (set && *set != own.get<double>()) {
      throw DataError(
          "{}: partial_rotary_factor is {} in rope_parameters and {} in rope_scaling; "
          "keep one",
          f.where(),
          *set,
          own.dump());
    }
    set = fraction = own.get<double>();
    source = fmt::format("partial_rotary_factor of {}", name);
  }
  if (set) {
    f.tell_if_other("rotary_pct", fraction, source);
  }
  f.require_same("partial_rotary_factor", fraction, source);
  return fraction;
}

// This family's own name for rope_theta is rotary_emb_base. transformers drops a rope_theta outside
// the rope settings, so here it must agree.
double rotary_base(ConfigFields& f) {
  const double base = f.number("rotary_emb_base", 10000.0);
  const Json scaling = f.raw("rope_scaling");
  const Json settings = scaling.is_null() ? f.raw("rope_parameters") : scaling;
  const Json own = settings.is_object() ? settings.value("rope_theta", Json()) : Json();
  f.require_same("rope_theta",
                 own.is_null() ? Json(base) : own,
                 own.is_null() ? "\"rotary_emb_base\" (10000 where it is not given)"
                               : "rope_theta of the rope settings");
  if (!own.is_null()) {
    f.tell_if_other("rotary_emb_base", own, "rope_theta of the rope settings");
  }
  return base;
}

std::int64_t rotary_dim(ConfigFields& f, std::int64_t d_head) {
  const double fraction = rotary_fraction(f);
  if (!(fraction > 0 && fraction <= 1)) {
    throw DataError("{}: rotary_pct {} (partial_rotary_factor) must be above 0 and at most 1",
                    f.where(),
                    fraction);
  }
  return f.integer("rope_dim", static_cast<std::int64_t>(static_cast<double>(d_head) * fraction));
}

ModelConfig gpt_neox_config(ConfigFields& f) {
  ModelConfig c;
  c.n_layers = read_layer_count(f, "num_hidden_layers");
  c.d_model = f.integer("hidden_size");
  c.n_heads = c.n_kv_heads = f.integer("num_attention_heads");
  c.d_head = c.d_model / std::max<std::int64_t>(1, c.n_heads);
  c.d_mlp = f.integer("intermediate_size");
  c.d_vocab = f.integer("vocab_size");
  c.n_ctx = f.integer("max_position_embeddings");
  c.norm = Norm::layer_norm;
  c.norm_eps = f.number("layer_norm_eps", 1e-5);
  c.block_order =
      f.flag("use_parallel_residual", true) ? BlockOrder::parallel : BlockOrder::sequential;
  c.activation = read_activation(f, "hidden_act", "gelu");
  c.mlp = Mlp::plain;
  c.qkv_bias = c.out_bias = f.flag("attention_bias", true);
  c.mlp_bias = true;
  c.tied_embeddings = f.flag("tie_word_embeddings", false);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  const double base = rotary_base(f);
  c.ropes = {read_rope(f, rotary_dim(f, c.d_head), base, RotaryFraction::partial)};
  c.layers.resize(static_cast<std::size_t>(c.n_layers));
  return c;
}

WeightRules gpt_neox_huggingface(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "gpt_neox.embed_in.weight"},
                 {"ln_final.w", "gpt_neox.final_layer_norm.weight"},
                 {"ln_final.b", "gpt_neox.final_layer_norm.bias"}};
  const std::string h = "gpt_neox.layers.{l}.";
  rules.block = fused_block_rules(h, "attention", Layout::per_head_qkv);
  add_affine(rules.block, "ln1.", h + "input_layernorm.");
  add_affine(rules.block, "ln2.", h + "post_attention_layernorm.");
  if (!c.qkv_bias) {
    drop(rules, "attn.b_");
  }
  rules.ignored = {".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"};
  add_head(rules, c, "embed_out.weight");
  return rules;
}

WeightRules gpt_neox_rules(const ModelConfig& c, Naming naming) {
  return naming == Naming::huggingface ? gpt_neox_huggingface(c) : gguf_fused_rules(c);
}

}  // namespace

Family gpt_neox_family() {
  return {.name = "gpt_neox",
          .architectures = {"GPTNeoXForCausalLM"},
          .gguf = {"gptneox"},
          .model_types = {"gpt_neox"},
          .config = gpt_neox_config,
          .rules = gpt_neox_rules};
}

}  // namespace headscope
