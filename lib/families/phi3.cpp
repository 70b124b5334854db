// Phi-3, 3.5 and 4 mini (Abdin et al. 2024, arXiv:2404.14219): Llama with fused weights, a window
// or a rotation that stretches in long texts (longrope).
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

// Earlier releases called longrope "su" or "yarn", and transformers takes either for it. It knows
// no other rotation of this architecture.
void name_longrope(ConfigFields& f) {
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    Json settings = f.raw(name);
    if (!settings.is_object()) {
      continue;
    }
    const Json type = settings.value("rope_type", settings.value("type", Json("default")));
    if (type == "su" || type == "yarn") {
      settings["rope_type"] = "longrope";
      f.replace(name, settings);
    } else if (type != "default" && type != "longrope") {
      throw DataError("{}: rope type {} is not one of Phi-3, which has default and longrope",
                      f.where(),
                      type.dump());
    }
  }
}

ModelConfig phi3_config(ConfigFields& f) {
  f.set_default("max_position_embeddings", 4096);
  f.set_default("original_max_position_embeddings", 4096);
  name_longrope(f);
  ModelConfig c = llama_config(f, {.usual_norm_eps = 1e-5});
  tell_of_unread_biases(f, c);
  c.ropes = {read_partial_rope(f, c.d_head, 1.0)};
  f.ignore({"original_max_position_embeddings"});  // counts where the rotation stretches alone
  read_window_of_all(f, c);
  return c;
}

WeightRules phi3_gguf(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "token_embd.weight"}, {"ln_final.w", "output_norm.weight"}};
  const std::string blk = "blk.{l}.";
  rules.block = {{"ln1.w", blk + "attn_norm.weight"},
                 {"attn.W_QKV", blk + "attn_qkv.weight"},
                 {"attn.W_O", blk + "attn_output.weight"},
                 {"ln2.w", blk + "ffn_norm.weight"},
                 {"mlp.W_in", blk + "ffn_up.weight"},
                 {"mlp.W_out", blk + "ffn_down.weight"}};
  rules.ignored = {"rope_factors_long.weight",
                   "rope_factors_short.weight"};  // read with the config
  if (!c.tied_embeddings) {
    rules.model.push_back({"W_U", "output.weight"});
  }
  return rules;
}

WeightRules phi3_rules(const ModelConfig& c, Naming naming) {
  if (naming == Naming::gguf) {
    return phi3_gguf(c);
  }
  WeightRules rules;
  rules.model = {{"W_E", "model.embed_tokens.weight"}, {"ln_final.w", "model.norm.weight"}};
  const std::string h = "model.layers.{l}.";
  rules.block = {{"ln1.w", h + "input_layernorm.weight"},
                 {"attn.W_QKV", h + "self_attn.qkv_proj.weight"},
                 {"attn.W_O", h + "self_attn.o_proj.weight"},
                 {"ln2.w", h + "post_attention_layernorm.weight"},
                 {"mlp.W_in", h + "mlp.gate_up_proj.weight"},
                 {"mlp.W_out", h + "mlp.down_proj.weight"}};
  rules.ignored = {".rotary_emb.inv_freq"};
  add_head(rules, c, "lm_head.weight");
  return rules;
}

}  // namespace

Family phi3_family() {
  return {.name = "phi3",
          .architectures = {"Phi3ForCausalLM"},
          .gguf = {"phi3"},
          .model_types = {"phi3"},
          .config = phi3_config,
          .rules = phi3_rules};
}

}  // namespace headscope
