// Gemma 3, text (Kamath et al. 2025, arXiv:2503.19786): five sliding layers to one global, each
// kind with its own rotary base, QK-norm in place of soft-caps.
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/fields.h"
#include "lib/families/gemma.h"

namespace headscope {
namespace {

constexpr int kGlobal = 0;
constexpr int kLocal = 1;

// transformers 5 lets a rope_scaling beside nested rope_parameters change the global rope. Only one
// that says the same again is let pass.
void refuse_other_scaling(ConfigFields& f, const Json& parameters) {
  const Json scaling = f.raw("rope_scaling");
  Json global = parameters["full_attention"];
  if (scaling.is_null() || scaling == parameters || scaling == global) {
    return;
  }
  if (global.is_object()) {
    global.erase("rope_theta");
  }
  if (scaling != global) {
    throw DataError("{}: rope_parameters and rope_scaling disagree; keep one", f.where());
  }
}

std::vector<Rope> read_ropes(ConfigFields& f, std::int64_t d_head) {
  const std::int64_t n_ctx = f.integer("max_position_embeddings");
  const double local_base = f.number("rope_local_base_freq", 10000.0);
  const Json parameters = f.raw("rope_parameters");
  if (parameters.is_object() && parameters.contains("full_attention")) {
    if (!parameters.contains("sliding_attention") || parameters.size() != 2) {
      throw DataError("{}: rope_parameters must hold full_attention and sliding_attention",
                      f.where());
    }
    refuse_other_scaling(f, parameters);
    const double global_base = f.number("rope_theta", 1e6);
    const auto read = [&](const char* layers, double base) {
      return rope_from(
          parameters[layers], {.dim = d_head, .base = base, .n_ctx = n_ctx}, f.where());
    };
    return {read("full_attention", global_base), read("sliding_attention", local_base)};
  }
  return {read_rope(f, d_head, 1e6), Rope{.base = local_base, .dim = d_head, .scaling = {}}};
}

// Multimodal checkpoints write only what differs from these.
void set_gemma3_defaults(ConfigFields& f) {
  f.set_default("num_attention_heads", 8);
  f.set_default("num_key_value_heads", 4);
  f.set_default("head_dim", 256);
  f.set_default("vocab_size", 262208);
  f.set_default("max_position_embeddings", 131072);
}

ModelConfig gemma3_config(ConfigFields& f) {
  set_gemma3_defaults(f);
  ModelConfig c = gemma_config(f);
  c.qk_norm = QkNorm::per_head;
  c.ropes = read_ropes(f, f.integer("rope_dim", c.d_head));
  const std::int64_t window = f.integer("sliding_window", 4096);
  const std::int64_t pattern = f.integer("sliding_window_pattern", 6);
  if (!f.has("layer_types")) {  // else neither counts
    f.require_same(
        "_sliding_window_pattern", pattern, "\"sliding_window_pattern\" (6 where it is not given)");
  }
  f.ignore({"_sliding_window_pattern"});
  if (pattern <= 0) {
    throw DataError("{}: sliding_window_pattern {} must be positive", f.where(), pattern);
  }
  const std::vector<bool> sliding = gemma_sliding_layers(f, c.n_layers, pattern);
  for (std::size_t layer = 0; layer < sliding.size(); ++layer) {
    c.layers[layer] = {.window = sliding[layer] ? window : 0,
                       .rope = sliding[layer] ? kLocal : kGlobal};
  }
  return c;
}

WeightRules gemma3_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = gemma_rules(c, naming);
  // The text model inside Gemma3ForConditionalGeneration; images are none of headscope's business.
  rules.ignored_prefixes = {"vision_tower.",
                            "multi_modal_projector.",
                            "model.vision_tower.",
                            "model.multi_modal_projector."};
  return rules;
}

}  // namespace

Family gemma3_family() {
  return {.name = "gemma3",
          .architectures = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"},
          .gguf = {"gemma3"},
          .model_types = {"gemma3", "gemma3_text"},
          .config = gemma3_config,
          .rules = gemma3_rules};
}

}  // namespace headscope
