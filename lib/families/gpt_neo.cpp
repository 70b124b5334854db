// GPT-Neo (Black et al. 2021; TinyStories, arXiv:2305.07759): GPT-2 with windows in some layers,
// scores that are not scaled, and biases of all but queries, keys and values.
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"
#include "lib/families/gpt_shape.h"

namespace headscope {
namespace {

constexpr std::size_t kMostTypes = 1 << 16;  // as many as there may be layers

// [[["global", "local"], 12], …] as one type a layer: each list that many times.
Json one_a_layer(const Json& types, const std::string& where) {
  Json layers = Json::array();
  bool good = types.is_array();
  for (std::size_t item = 0; good && item < types.size(); ++item) {
    const Json& entry = types[item];
    good = entry.is_array() && entry.size() == 2 && entry[0].is_array() && !entry[0].empty() &&
           entry[1].is_number_integer();
    for (std::int64_t i = 0; good && i < entry[1].get<std::int64_t>(); ++i) {
      layers.insert(layers.end(), entry[0].begin(), entry[0].end());
      good = layers.size() <= kMostTypes;
    }
  }
  if (!good) {
    throw DataError("{}: \"attention_types\" is {}, not a list of [[types], times]",
                    where,
                    types.dump().substr(0, 80));
  }
  return layers;
}

// transformers takes "attention_layers" where it is given, else "attention_types".
Json layer_types(ConfigFields& f) {
  const Json layers = f.raw("attention_layers");
  const Json types = f.raw("attention_types");
  if (types.is_null()) {
    return layers.is_null() ? one_a_layer({{{"global", "local"}, 12}}, f.where()) : layers;
  }
  const Json spelt = one_a_layer(types, f.where());
  if (!layers.is_null() && layers != spelt) {
    throw DataError("{}: attention_layers and attention_types disagree; keep one", f.where());
  }
  return spelt;
}

void read_layers(ConfigFields& f, ModelConfig& c) {
  const std::int64_t window = f.integer("window_size", 256);
  const Json types = layer_types(f);
  if (!types.is_array() || static_cast<std::int64_t>(types.size()) != c.n_layers || window < 1) {
    throw DataError(
        "{}: {} layers need as many \"attention_layers\" and a \"window_size\" above 0; here they "
        "are "
        "{} and {}",
        f.where(),
        c.n_layers,
        types.size(),
        window);
  }
  for (const Json& type : types) {
    if (type != "global" && type != "local") {
      throw DataError("{}: the attention of a layer is {}, neither \"global\" nor \"local\"",
                      f.where(),
                      type.dump());
    }
    c.layers.push_back({.window = type == "local" ? window : 0});
  }
}

ModelConfig gpt_neo_config(ConfigFields& f) {
  ModelConfig c = read_gpt_shape(f,
                                 {.n_layers = "num_layers",
                                  .d_model = "hidden_size",
                                  .n_heads = "num_heads",
                                  .d_mlp = "intermediate_size",
                                  .n_ctx = "max_position_embeddings",
                                  .usual_n_ctx = 2048});
  c.positions = Positions::learned;
  c.out_bias = c.mlp_bias = true;
  c.tied_embeddings = f.flag("tie_word_embeddings", true);
  c.attn_scale = 1.0;
  read_layers(f, c);
  f.ignore({"classifier_dropout", "embed_dropout", "resid_dropout"});
  ignore_summary_head(f);
  return c;
}

WeightRules gpt_neo_rules(const ModelConfig& c, Naming) {
  WeightRules rules;
  rules.model = gpt_model_rules();
  const std::string h = "transformer.h.{l}.";
  rules.block = {{"ln1.w", h + "ln_1.weight"},
                 {"ln1.b", h + "ln_1.bias"},
                 {"attn.W_Q", h + "attn.attention.q_proj.weight"},
                 {"attn.W_K", h + "attn.attention.k_proj.weight"},
                 {"attn.W_V", h + "attn.attention.v_proj.weight"},
                 {"attn.W_O", h + "attn.attention.out_proj.weight"},
                 {"attn.b_O", h + "attn.attention.out_proj.bias"},
                 {"ln2.w", h + "ln_2.weight"},
                 {"ln2.b", h + "ln_2.bias"},
                 {"mlp.W_in", h + "mlp.c_fc.weight"},
                 {"mlp.b_in", h + "mlp.c_fc.bias"},
                 {"mlp.W_out", h + "mlp.c_proj.weight"},
                 {"mlp.b_out", h + "mlp.c_proj.bias"}};
  rules.ignored = {".attn.attention.bias", ".attn.attention.masked_bias"};
  add_head(rules, c, "lm_head.weight");
  return rules;
}

}  // namespace

Family gpt_neo_family() {
  return {.name = "gpt_neo",
          .architectures = {"GPTNeoForCausalLM"},
          .gguf = {},
          .model_types = {"gpt_neo"},
          .config = gpt_neo_config,
          .rules = gpt_neo_rules};
}

}  // namespace headscope
