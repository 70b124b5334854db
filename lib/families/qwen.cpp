#include "lib/families/qwen.h"

#include "lib/base/error.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

void read_qwen_windows(ConfigFields& f, ModelConfig& c) {
  const std::int64_t window = f.optional_integer("sliding_window", 0);
  const std::int64_t full_layers = f.integer("max_window_layers");
  std::vector<bool> sliding = read_sliding_layers(f, c.n_layers);
  const bool use = f.flag("use_sliding_window", false) && f.has("sliding_window");
  if (sliding.empty()) {
    for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
      sliding.push_back(use && layer >= full_layers);
    }
  }
  for (std::size_t layer = 0; layer < sliding.size(); ++layer) {
    if (sliding[layer] && !(use && window > 0)) {
      throw DataError(
          "{}: layer {} slides but \"use_sliding_window\" is not true, or \"sliding_window\" not "
          "set",
          f.where(),
          layer);
    }
    c.layers[layer].window = sliding[layer] ? window : 0;
  }
}

// What a config leaves out that transformers does not take from other fields.
void set_qwen_defaults(ConfigFields& f) {
  f.set_default("num_key_value_heads", 32);
  f.set_default("sliding_window", 4096);
  f.set_default("max_window_layers", 28);
}

}  // namespace

ModelConfig qwen_config(ConfigFields& f) {
  set_qwen_defaults(f);
  ModelConfig c = llama_config(f);
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 10000.0)};
  read_qwen_windows(f, c);
  return c;
}

}  // namespace headscope
