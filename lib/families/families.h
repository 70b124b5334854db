// One line a family; each is defined in the file of its name.
#pragma once

#include "lib/families/family.h"

namespace headscope {

Family gpt2_family();
Family gpt_neox_family();
Family gpt_neo_family();
Family opt_family();
Family bloom_family();
Family falcon_family();
Family llama_family();
Family mistral_family();
Family phi3_family();
Family granite_family();
Family smollm3_family();
Family gptj_family();
Family qwen2_family();
Family qwen3_family();
Family mixtral_family();
Family qwen3_moe_family();
Family gpt_oss_family();
Family gemma2_family();
Family gemma3_family();
Family bert_family();
Family roberta_family();
Family distilbert_family();
Family olmo_family();
Family olmo2_family();
Family olmoe_family();
Family stablelm_family();
Family starcoder2_family();
Family gemma1_family();
Family phi_family();
Family hooked_transformer_family();

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
