#include "lib/families/expert_fields.h"

namespace headscope {
namespace {

void add_gguf_rules(WeightRules& rules, const ModelConfig& c) {
  const std::string blk = "blk.{l}.ffn_";
  const auto add = [&](const char* parameter, const char* name, bool bias) {
    rules.block.push_back({std::string("moe.W_") + parameter, blk + name + ".weight"});
    if (bias) {
      rules.block.push_back({std::string("moe.b_") + parameter, blk + name + ".bias"});
    }
  };
  add("router", "gate_inp", c.experts.router_bias);
  add("gate", "gate_exps", c.experts.biases);
  add("up", "up_exps", c.experts.biases);
  add("out", "down_exps", c.experts.biases);
}

}  // namespace

void read_experts(ConfigFields& f,
                  ModelConfig& c,
                  std::string_view width,
                  const UsualExperts& usual) {
  f.also_called("num_local_experts", "num_experts");
  c.experts.count = f.integer("num_local_experts", usual.count);
  c.experts.chosen = f.integer("num_experts_per_tok", usual.chosen);
  c.experts.d_expert = f.integer(width);
  f.ignore({"output_router_logits", "router_aux_loss_coef", "router_jitter_noise"});  // training's
  c.d_mlp = 0;
  for (LayerConfig& layer : c.layers) {
    layer.mlp = LayerMlp::experts;
  }
}

void add_expert_rules(WeightRules& rules,
                      const ModelConfig& c,
                      Naming naming,
                      const ExpertNames& names) {
  if (naming == Naming::gguf) {
    add_gguf_rules(rules, c);
    return;
  }
  const std::string expert = names.prefix + "experts.{e}.";
  rules.block.push_back({"moe.W_router", names.prefix + "gate.weight"});
  rules.block.push_back({"moe.W_gate", expert + names.gate + ".weight"});
  rules.block.push_back({"moe.W_up", expert + names.up + ".weight"});
  rules.block.push_back({"moe.W_out", expert + names.down + ".weight"});
}

}  // namespace headscope
