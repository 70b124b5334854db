// Where each parameter is found in a file: one row a parameter, one column a naming scheme.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/model/config.h"

namespace headscope {

// How stored rows become ours ([out, in]).
enum class Layout {
  rows,            // stored as we hold them
  transposed,      // stored [in, out] (GPT-2's Conv1D)
  per_head_qkv,    // rows ordered head, then q|k|v, then d_head (GPT-NeoX)
  rotary_pairs,    // within a head, dimension i and i + d/2 stored side by side (GGUF's llama)
  gain_minus_one,  // stored as gain − 1 (Gemma's checkpoints)
  // TransformerLens's: a head's W_Q, W_K, W_V stored [d_model, d_head], heads slowest; of a bias
  // [heads, d_head].
  by_head,
  by_head_transposed,      // a head's W_O stored [d_head, d_model], heads slowest
  interleaved,             // rows of gate and linear part in turn (gpt-oss); we hold the gate first
  interleaved_transposed,  // the same, stored [in, out]
  grouped_qkv,  // rows ordered KV head, then its query heads, its key, its value (Falcon)
};

// Our parameters, by the names papers and TransformerLens use. W_Q, W_K, W_V are row ranges of
// W_QKV; W_gate and W_up of W_in. Those of experts are stored once an expert, or stacked.
struct WeightRule {
  std::string target;  // "attn.W_Q" of a block, or "W_E", "W_pos", "ln_final.w", "W_U", …
  std::string source;  // name in the file; {l} is the layer, {e} the expert
  Layout layout = Layout::rows;
  double scale = 1.0;       // stored values are multiplied by it (Granite's multipliers)
  std::string preferred{};  // read from there instead, where a file has it (BERT's decoder.bias)
};

struct WeightRules {
  std::vector<WeightRule> model;  // once
  // Once a layer; those of "mlp.…" where it is dense, of "moe.…" where it has experts.
  std::vector<WeightRule> block;
  // Stored tensors that are no parameters (causal masks, rotary tables), by suffix.
  std::vector<std::string> ignored;
  std::vector<std::string> ignored_prefixes;
  std::string tied_head{};  // what a file calls W_U that a tied model may hold a copy of; or empty
};

// `target` is stored as `source`.
inline void replace_source(WeightRules& rules, std::string_view target, const char* source) {
  for (WeightRule& rule : rules.block) {
    if (rule.target == target) {
      rule.source = source;
    }
  }
}

// W_U is the stored `name`, or W_E itself where embeddings are tied (settle_tied_head() has made
// sure of it).
inline void add_head(WeightRules& rules, const ModelConfig& config, const char* name) {
  if (config.tied_embeddings) {
    rules.tied_head = name;
  } else {
    rules.model.push_back({"W_U", name});
  }
}

}  // namespace headscope
