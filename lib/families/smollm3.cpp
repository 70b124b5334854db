// SmolLM3 (Hugging Face 2025): Llama in which every fourth layer turns nothing (NoPE, Yang et al.
// 2025, arXiv:2501.18795).
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

// True where a layer rotates.
std::vector<bool> rotating_layers(ConfigFields& f, std::int64_t n_layers) {
  const Json list = f.raw("no_rope_layers");  // 1 where a layer rotates, whatever the name says
  const std::int64_t interval = f.integer("no_rope_layer_interval", 4);
  std::vector<bool> rotates;
  if (list.is_null()) {
    if (interval < 1) {
      throw DataError("{}: \"no_rope_layer_interval\" is {}; it is 1 or more", f.where(), interval);
    }
    for (std::int64_t layer = 0; layer < n_layers; ++layer) {
      rotates.push_back((layer + 1) % interval != 0);
    }
    return rotates;
  }
  if (!list.is_array() || static_cast<std::int64_t>(list.size()) < n_layers) {
    throw DataError("{}: \"no_rope_layers\" must list {} layers", f.where(), n_layers);
  }
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(n_layers); ++layer) {
    if (list[layer] != 0 && list[layer] != 1) {
      throw DataError(
          "{}: \"no_rope_layers\" holds {}; it holds 0 and 1", f.where(), list[layer].dump());
    }
    rotates.push_back(list[layer] == 1);
  }
  return rotates;
}

ModelConfig smollm3_config(ConfigFields& f) {
  f.set_default("num_key_value_heads", 4);
  f.set_default("tie_word_embeddings", true);
  f.set_default("max_position_embeddings", 32768);
  ModelConfig c = llama_config(f);
  read_attention_bias(f, c);
  read_mlp_bias(f, c);
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 2000000.0)};
  const std::vector<bool> rotates = rotating_layers(f, c.n_layers);
  const bool slides = f.flag("use_sliding_window", false) && f.has("sliding_window");
  const std::int64_t window = f.optional_integer("sliding_window", 0);
  const std::vector<bool> sliding = read_sliding_layers(f, c.n_layers);
  for (std::size_t layer = 0; layer < rotates.size(); ++layer) {
    c.layers[layer].rope = rotates[layer] ? 0 : kNoRope;
    // transformers masks by layer_types; use_sliding_window counts only where they are not given.
    const bool here = sliding.empty() ? slides && !rotates[layer] : sliding[layer];
    if (here && window <= 0) {
      throw DataError(
          "{}: \"sliding_window\" is {}, but layer {} slides", f.where(), window, layer);
    }
    c.layers[layer].window = here ? window : 0;
  }
  return c;
}

// llama.cpp's files leave out which layers rotate: it takes every fourth not to.
WeightRules smollm3_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  if (naming == Naming::gguf) {
    mark_rotary_pairs(rules);
  }
  return rules;
}

}  // namespace

Family smollm3_family() {
  return {.name = "smollm3",
          .architectures = {"SmolLM3ForCausalLM"},
          .gguf = {"smollm3"},
          .model_types = {"smollm3"},
          .config = smollm3_config,
          .rules = smollm3_rules};
}

}  // namespace headscope
