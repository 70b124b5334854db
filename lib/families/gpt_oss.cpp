// gpt-oss (OpenAI 2025, arXiv:2508.10925): windows on every second layer, a learned logit a head
// that takes a share of each softmax, and experts with biases and clamped gates.
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/expert_fields.h"
#include "lib/families/families.h"
#include "lib/families/fields.h"

namespace headscope {
namespace {

// Where transformers' GptOssConfig differs from Llama's defaults. Without layer_types the first
// layer slides, and every second one after it.
void set_gpt_oss_defaults(ConfigFields& f) {
  f.set_default("num_attention_heads", 64);
  f.set_default("num_key_value_heads", 8);
  f.set_default("head_dim", 64);
  f.set_default("attention_bias", true);
  f.set_default("sliding_window", 128);
  if (!f.has("rope_parameters")) {
    f.set_default("rope_scaling",
                  {{"rope_type", "yarn"},
                   {"factor", 32.0},
                   {"beta_fast", 32.0},
                   {"beta_slow", 1.0},
                   {"truncate", false},
                   {"original_max_position_embeddings", 4096}});
    if (!f.has("rope_scaling")) {
      throw DataError(
          "{}: \"rope_scaling\" is null, which transformers takes for its default, YaRN; "
          "write the rotary settings out",
          f.where());
    }
  }
}

void read_gpt_oss_windows(ConfigFields& f, ModelConfig& c) {
  const std::vector<bool> sliding = read_sliding_layers(f, c.n_layers);
  const std::int64_t window = f.optional_integer("sliding_window", 0);
  for (std::size_t layer = 0; layer < c.layers.size(); ++layer) {
    if (!(sliding.empty() ? layer % 2 == 0 : sliding[layer])) {
      continue;
    }
    if (window < 1) {
      throw DataError("{}: layer {} slides but \"sliding_window\" is {}", f.where(), layer, window);
    }
    c.layers[layer].window = window;
  }
}

void read_gpt_oss_experts(ConfigFields& f, ModelConfig& c) {
  read_experts(f, c, "intermediate_size", {.count = 128, .chosen = 4});
  c.experts.weighting = Experts::Weighting::top_then_softmax;
  c.experts.router_bias = c.experts.biases = true;
  c.experts.gate_slope = f.number("swiglu_alpha", 1.702);
  c.experts.limit = f.number("swiglu_limit", 7.0);
  if (!(c.experts.limit > 0)) {
    throw DataError("{}: \"swiglu_limit\" is {}; it must be above 0", f.where(), c.experts.limit);
  }
  const Json packed = f.raw("quantization_config");
  if (!packed.is_null() && packed.value("quant_method", Json()) != "mxfp4") {
    throw DataError("{}: \"quantization_config\": {} is not supported; headscope reads mxfp4",
                    f.where(),
                    packed.dump());
  }
}

ModelConfig gpt_oss_config(ConfigFields& f) {
  set_gpt_oss_defaults(f);
  ModelConfig c = llama_config(f, {.usual_norm_eps = 1e-5});
  read_attention_bias(f, c);
  tell_of_unread_biases(f, c);
  c.attention_sinks = true;
  c.ropes = {read_rope(f, f.integer("rope_dim", c.d_head), 150000.0)};
  read_gpt_oss_experts(f, c);
  read_gpt_oss_windows(f, c);
  f.ignore({"experts_per_token", "initial_context_length"});  // of OpenAI's own code
  return c;
}

WeightRules gpt_oss_rules(const ModelConfig& c, Naming naming) {
  WeightRules rules = llama_rules(c, naming);
  if (naming == Naming::gguf) {
    rules.block.push_back({"attn.sinks", "blk.{l}.attn_sinks.weight"});
    replace_source(rules, "ln2.w", "blk.{l}.post_attention_norm.weight");
    add_expert_rules(rules, c, naming, {});
    return rules;
  }
  const std::string h = "model.layers.{l}.";
  const std::string mlp = h + "mlp.experts.";
  rules.block.push_back({"attn.sinks", h + "self_attn.sinks"});
  rules.block.push_back({"moe.W_router", h + "mlp.router.weight"});
  rules.block.push_back({"moe.b_router", h + "mlp.router.bias"});
  rules.block.push_back({"moe.W_in", mlp + "gate_up_proj", Layout::interleaved_transposed});
  rules.block.push_back({"moe.b_in", mlp + "gate_up_proj_bias", Layout::interleaved});
  rules.block.push_back({"moe.W_out", mlp + "down_proj", Layout::transposed});
  rules.block.push_back({"moe.b_out", mlp + "down_proj_bias"});
  return rules;
}

}  // namespace

Family gpt_oss_family() {
  return {.name = "gpt_oss",
          .architectures = {"GptOssForCausalLM"},
          .gguf = {"gpt-oss"},
          .model_types = {"gpt_oss"},
          .config = gpt_oss_config,
          .rules = gpt_oss_rules};
}

}  // namespace headscope
