// The list of families: each is a function NAME_family() in the file NAME.cpp, and one line here;
// and what families shaped like Llama share.
#pragma once

#include "lib/families/family.h"

namespace headscope {

// clang-format off
#define HEADSCOPE_FAMILIES(LINE) \
  LINE(gpt2) \
  LINE(gpt_neox) \
  LINE(gpt_neo) \
  LINE(opt) \
  LINE(bloom) \
  LINE(falcon) \
  LINE(llama) \
  LINE(mistral) \
  LINE(phi3) \
  LINE(granite) \
  LINE(smollm3) \
  LINE(gptj) \
  LINE(qwen2) \
  LINE(qwen3) \
  LINE(mixtral) \
  LINE(qwen3_moe) \
  LINE(gpt_oss) \
  LINE(gemma2) \
  LINE(gemma3) \
  LINE(bert) \
  LINE(roberta) \
  LINE(distilbert) \
  LINE(olmo) \
  LINE(olmo2) \
  LINE(olmoe) \
  LINE(stablelm) \
  LINE(starcoder2) \
  LINE(gemma1) \
  LINE(phi) \
  LINE(hooked_transformer)
// clang-format on

#define HEADSCOPE_DECLARE(name) Family name##_family();
HEADSCOPE_FAMILIES(HEADSCOPE_DECLARE)
#undef HEADSCOPE_DECLARE

// Where families shaped like Llama differ in the names of its settings: the field of the MLP's
// activation and of the norms' epsilon, and what each is where the field is missing.
struct LlamaFields {
  std::string_view activation = "hidden_act";
  std::string_view usual_activation = "silu";
  std::string_view norm_eps = "rms_norm_eps";
  double usual_norm_eps = 1e-6;
};

// What Llama-shaped families share, without biases.
ModelConfig llama_config(ConfigFields& fields, const LlamaFields& names = {});
// "attention_bias": of queries, keys, values and output; "mlp_bias". For the families whose class
// in transformers reads them.
void read_attention_bias(ConfigFields& fields, ModelConfig& config);
void read_mlp_bias(ConfigFields& fields, ModelConfig& config);
// The others' biases are as `config` has them: a field that says otherwise is told.
void tell_of_unread_biases(ConfigFields& fields, const ModelConfig& config);
WeightRules llama_rules(const ModelConfig& config, Naming naming);
// The rows of queries and keys are stored as llama.cpp turns them, neighbours together.
void mark_rotary_pairs(WeightRules& rules);
WeightRules gguf_fused_rules(const ModelConfig& config);

}  // namespace headscope
