// GPT-J 6B (Wang & Komatsuzaki 2021): attention and MLP in parallel behind one norm, rotation of
// neighbouring dimensions, a bias of the logits.
#include <cmath>

#include "lib/base/error.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/gpt_shape.h"
#include "lib/families/rule_edits.h"

namespace headscope {
namespace {

ModelConfig gptj_config(ConfigFields& f) {
  ModelConfig c = read_gpt_shape(f, {.usual_n_ctx = 2048});
  c.block_order = BlockOrder::parallel;
  c.shared_norm = true;
  c.mlp_bias = c.unembed_bias = true;
  c.tied_embeddings = f.flag("tie_word_embeddings", false);
  c.attn_scale = 1.0 / std::sqrt(static_cast<double>(c.d_head));
  const std::int64_t dim = f.integer("rotary_dim", 64);
  if (dim < 2 || dim > c.d_head || dim % 2 != 0) {
    throw DataError("{}: \"rotary_dim\" {} of heads of {}: an even part of a head turns",
                    f.where(),
                    dim,
                    c.d_head);
  }
  c.ropes = {{.base = 10000.0, .dim = dim, .scaling = {}, .pairs = RopePairs::adjacent}};
  c.layers.resize(static_cast<std::size_t>(c.n_layers));
  f.ignore({"n_ctx", "rotary", "scale_attn_weights"});
  ignore_summary_head(f);
  return c;
}

WeightRules gptj_rules(const ModelConfig& c, Naming) {
  WeightRules rules;
  rules.model = gpt_model_rules();
  drop(rules, "W_pos");
  rules.model.push_back({"b_U", "lm_head.bias"});
  const std::string h = "transformer.h.{l}.";
  rules.block = {{"ln1.w", h + "ln_1.weight"}, {"ln1.b", h + "ln_1.bias"}};
  share_one_norm(rules);
  for (const auto& [target, source] : {std::pair{"attn.W_Q", "attn.q_proj.weight"},
                                       std::pair{"attn.W_K", "attn.k_proj.weight"},
                                       std::pair{"attn.W_V", "attn.v_proj.weight"},
                                       std::pair{"attn.W_O", "attn.out_proj.weight"},
                                       std::pair{"mlp.W_in", "mlp.fc_in.weight"},
                                       std::pair{"mlp.b_in", "mlp.fc_in.bias"},
                                       std::pair{"mlp.W_out", "mlp.fc_out.weight"},
                                       std::pair{"mlp.b_out", "mlp.fc_out.bias"}}) {
    rules.block.push_back({target, h + source});
  }
  rules.ignored = {".attn.bias", ".attn.masked_bias"};
  add_head(rules, c, "lm_head.weight");
  return rules;
}

}  // namespace

Family gptj_family() {
  return {.name = "gptj",
          .architectures = {"GPTJForCausalLM"},
          .gguf = {},
          .model_types = {"gptj"},
          .config = gptj_config,
          .rules = gptj_rules};
}

}  // namespace headscope
