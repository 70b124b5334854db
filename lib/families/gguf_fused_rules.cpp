#include "lib/families/families.h"

namespace headscope {

// llama.cpp's names for LayerNorm models with fused queries, keys and values (GPT-2, GPT-NeoX,
// BLOOM, Falcon). Its converter has already transposed and regrouped the rows.
WeightRules gguf_fused_rules(const ModelConfig& c) {
  WeightRules rules;
  rules.model = {{"W_E", "token_embd.weight"},
                 {"ln_final.w", "output_norm.weight"},
                 {"ln_final.b", "output_norm.bias"}};
  const std::string blk = "blk.{l}.";
  rules.block = {{"ln1.w", blk + "attn_norm.weight"},
                 {"ln1.b", blk + "attn_norm.bias"},
                 {"attn.W_QKV", blk + "attn_qkv.weight"},
                 {"attn.W_O", blk + "attn_output.weight"},
                 {"ln2.w", blk + "ffn_norm.weight"},
                 {"ln2.b", blk + "ffn_norm.bias"},
                 {"mlp.W_in", blk + "ffn_up.weight"},
                 {"mlp.W_out", blk + "ffn_down.weight"}};
  const auto add_biases = [&](bool any, std::vector<WeightRule> biases) {
    rules.block.insert(rules.block.end(), biases.begin(), any ? biases.end() : biases.begin());
  };
  add_biases(c.qkv_bias, {{"attn.b_QKV", blk + "attn_qkv.bias"}});
  add_biases(c.out_bias, {{"attn.b_O", blk + "attn_output.bias"}});
  add_biases(c.mlp_bias, {{"mlp.b_in", blk + "ffn_up.bias"}, {"mlp.b_out", blk + "ffn_down.bias"}});
  if (!c.tied_embeddings) {
    rules.model.push_back({"W_U", "output.weight"});
  }
  return rules;
}

}  // namespace headscope
