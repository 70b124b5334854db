#include "lib/families/gguf_config.h"

#include <array>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

struct Renaming {
  std::string_view gguf;  // after "<architecture>."
  std::string_view hf;    // empty: without effect
};

constexpr std::array kNames{Renaming{"block_count", "num_hidden_layers"},
                            Renaming{"context_length", "max_position_embeddings"},
                            Renaming{"embedding_length", "hidden_size"},
                            Renaming{"feed_forward_length", "intermediate_size"},
                            Renaming{"expert_count", "num_local_experts"},
                            Renaming{"expert_used_count", "num_experts_per_tok"},
                            Renaming{"expert_feed_forward_length", "moe_intermediate_size"},
                            Renaming{"attention.head_count", "num_attention_heads"},
                            Renaming{"attention.head_count_kv", "num_key_value_heads"},
                            Renaming{"attention.key_length", "head_dim"},
                            Renaming{"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
                            Renaming{"attention.layer_norm_epsilon", "layer_norm_eps"},
                            Renaming{"attention.sliding_window", "sliding_window"},
                            Renaming{"attention.clamp_kqv", "clip_qkv"},
                            Renaming{"attn_logit_softcapping", "attn_logit_softcapping"},
                            Renaming{"final_logit_softcapping", "final_logit_softcapping"},
                            Renaming{"rope.freq_base", "rope_theta"},
                            Renaming{"rope.freq_base_swa", "rope_local_base_freq"},
                            Renaming{"rope.dimension_count", "rope_dim"},
                            Renaming{"use_parallel_residual", "use_parallel_residual"},
                            Renaming{"vocab_size", ""},  // the embedding's own size is read instead
                            Renaming{"attention.value_length", ""},  // checked against key_length
                            Renaming{"tensor_data_layout", ""},
                            Renaming{"rope.scaling.type", ""},
                            Renaming{"rope.scaling.factor", ""},
                            Renaming{"rope.scaling.finetuned", ""},
                            Renaming{"rope.scaling.original_context_length", ""},
                            Renaming{"rope.scaling.attn_factor", ""},
                            Renaming{"rope.scaling.yarn_beta_fast", ""},
                            Renaming{"rope.scaling.yarn_beta_slow", ""},
                            Renaming{"attention.scale", "attention_multiplier"},
                            Renaming{"embedding_scale", "embedding_multiplier"},
                            Renaming{"residual_scale", "residual_multiplier"},
                            Renaming{"logit_scale", "logits_scaling"}};

// GPT-2 spells its config its own way.
constexpr std::array kGpt2Names{Renaming{"num_hidden_layers", "n_layer"},
                                Renaming{"hidden_size", "n_embd"},
                                Renaming{"num_attention_heads", "n_head"},
                                Renaming{"intermediate_size", "n_inner"},
                                Renaming{"max_position_embeddings", "n_positions"},
                                Renaming{"layer_norm_eps", "layer_norm_epsilon"}};

// What config.json calls otherwise in single families; empty: what their config.json does not say.
struct OwnName {
  std::string_view architecture;
  std::string_view common;
  std::string_view own;
};
constexpr std::array kOwnNames{OwnName{"starcoder2", "layer_norm_eps", "norm_epsilon"},
                               OwnName{"starcoder2", "attention_bias", "use_bias"},
                               OwnName{"stablelm", "attention_bias", "use_qkv_bias"},
                               OwnName{"olmo", "layer_norm_eps", ""}};

void respell_own_names(Json& config, std::string_view architecture) {
  for (const OwnName& entry : kOwnNames) {
    const std::string common(entry.common);
    if (entry.architecture == architecture && config.contains(common)) {
      if (!entry.own.empty()) {
        config[std::string(entry.own)] = config[common];
      }
      config.erase(common);
    }
  }
}

const Renaming* renaming(std::string_view key) {
  for (const Renaming& entry : kNames) {
    if (entry.gguf == key) {
      return &entry;
    }
  }
  return nullptr;
}

// A factor without a type means linear, as llama.cpp reads it; a factor beside type "none" is left
// for the caller to refuse.
std::string scaling_type(const Json& metadata, const std::string& prefix) {
  const auto type = metadata.find(prefix + "rope.scaling.type");
  const auto factor = metadata.find(prefix + "rope.scaling.factor");
  const bool scales = factor != metadata.end() && *factor != 1.0 && *factor != 0.0;
  if (type == metadata.end()) {
    return scales ? "linear" : "none";
  }
  if (scales && *type == "none") {
    return "none with a factor";
  }
  return type->is_string() ? type->get<std::string>() : type->dump();
}

std::vector<float> numbers_of(const GgufFile& file, const StoredTensor& tensor) {
  std::vector<float> numbers(static_cast<std::size_t>(tensor.rows() * tensor.row_length()));
  file.read_rows(tensor, 0, tensor.rows(), DType::f32, numbers.data());
  return numbers;
}

// YaRN as config.json has it: what llama.cpp writes no key for is its default, but that gpt-oss
// does not round the bounds between which frequencies are mixed.
Json yarn_settings(const Json& metadata, const std::string& prefix, const Json& factor) {
  Json settings = {{"rope_type", "yarn"}, {"factor", factor}};
  const std::pair<const char*, const char*> kSettings[] = {
      {"original_context_length", "original_max_position_embeddings"},
      {"yarn_beta_fast", "beta_fast"},
      {"yarn_beta_slow", "beta_slow"}};
  for (const auto& [key, name] : kSettings) {
    const auto found = metadata.find(prefix + "rope.scaling." + key);
    if (found != metadata.end()) {
      settings[name] = *found;
    }
  }
  if (prefix == "gpt-oss.") {
    settings["truncate"] = false;
  }
  return settings;
}

void add_rope_scaling(Json& config,
                      const Json& metadata,
                      const std::string& prefix,
                      const std::string& where) {
  const std::string type = scaling_type(metadata, prefix);
  if (const Json factor = metadata.value(prefix + "rope.scaling.attn_factor", Json(1.0));
      factor != 1.0) {
    throw DataError(
        "{}: {}rope.scaling.attn_factor {} is not supported beside rope.scaling.type \"{}\"",
        where,
        prefix,
        factor.dump(),
        type);
  }
  if (type == "none") {
    return;
  }
  if (type != "linear" && type != "yarn") {
    throw DataError(
        "{}: {}rope.scaling.type \"{}\" is not supported; headscope runs none, linear and yarn",
        where,
        prefix,
        type);
  }
  const Json factor = metadata.value(prefix + "rope.scaling.factor", Json(1.0));
  if (!factor.is_number()) {
    throw DataError("{}: {}rope.scaling.factor is {}, not a number", where, prefix, factor.dump());
  }
  config["rope_scaling"] = type == "yarn" ? yarn_settings(metadata, prefix, factor)
                                          : Json{{"rope_type", "linear"}, {"factor", factor}};
}

// Phi-3's divisors of short and long texts, which llama.cpp stores as tensors. True if there are
// any.
bool add_longrope(Json& config, const GgufFile& file, const std::string& prefix) {
  const StoredTensor* brief = file.find("rope_factors_short.weight");
  const StoredTensor* extended = file.find("rope_factors_long.weight");
  if (brief == nullptr || extended == nullptr) {
    return false;
  }
  config["rope_scaling"] = {
      {"rope_type", "longrope"},
      {"attention_factor", file.metadata().value(prefix + "rope.scaling.attn_factor", Json(1.0))},
      {"short_factor", numbers_of(file, *brief)},
      {"long_factor", numbers_of(file, *extended)}};
  return true;
}

// A window of 0 tells Phi-4 from Phi-3: neither has one then.
void settle_phi3(Json& config, const Json& metadata, std::string_view architecture) {
  if (architecture != "phi3") {
    return;
  }
  if (config.value("sliding_window", Json()) == 0) {
    config.erase("sliding_window");
  }
  const auto original = metadata.find("phi3.rope.scaling.original_context_length");
  if (original != metadata.end()) {
    config["original_max_position_embeddings"] = *original;
  }
}

void add_rope_divisors(Json& config, const GgufFile& file) {
  if (const StoredTensor* tensor = file.find("rope_freqs.weight")) {
    config["rope_divisors"] = numbers_of(file, *tensor);
  }
}

void add_from_tensors(Json& config, const GgufFile& file, const std::string& where) {
  const StoredTensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    throw DataError("{}: no token_embd.weight matrix; is this a whole language model?", where);
  }
  config["vocab_size"] = embedding->shape[0];
  config["tie_word_embeddings"] = file.find("output.weight") == nullptr;
  config["attention_bias"] =
      file.find("blk.0.attn_q.bias") != nullptr || file.find("blk.0.attn_qkv.bias") != nullptr;
  config["mlp_bias"] = file.find("blk.0.ffn_up.bias") != nullptr;
  add_rope_divisors(config, file);
}

// GGUF files leave out Gemma's query_pre_attn_scalar. It is d_model / heads in the largest model of
// a family, which llama.cpp knows by its layers, else d_head.
void add_gemma_scale(Json& config, std::string_view architecture) {
  const std::int64_t largest = architecture == "gemma2" ? 46 : architecture == "gemma3" ? 62 : 0;
  const auto size = [&](const char* name) {
    const auto found = config.find(name);
    const bool known = found != config.end() && found->is_number_integer();
    return known ? found->get<std::int64_t>() : 0;
  };
  const std::int64_t heads = size("num_attention_heads");
  const std::int64_t scalar = size("num_hidden_layers") == largest && heads > 0
                                  ? size("hidden_size") / heads
                                  : size("head_dim");
  if (largest > 0 && scalar > 0) {
    config["query_pre_attn_scalar"] = scalar;
  }
}

// What llama.cpp takes from other keys where a file leaves it out; config.json's defaults, which a
// family knows, differ.
void add_head_defaults(Json& config) {
  const auto size = [&](const char* name) {
    const auto found = config.find(name);
    return found != config.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  const std::int64_t heads = size("num_attention_heads");
  if (heads <= 0) {
    return;  // the family's to refuse
  }
  if (!config.contains("num_key_value_heads")) {
    config["num_key_value_heads"] = heads;
  }
  if (!config.contains("head_dim")) {
    config["head_dim"] = size("hidden_size") / heads;
  }
}

// What llama.cpp's code says of an architecture's experts, and its files do not.
void settle_experts(Json& config, std::string_view architecture) {
  if (config.value("num_local_experts", Json()) == 0) {  // a dense model's file may say so
    config.erase("num_local_experts");
    config.erase("num_experts_per_tok");
  }
  if (architecture == "llama" && config.contains("num_local_experts")) {
    config["gguf_experts"] = true;  // a config.json of that architecture has none
  }
  if (architecture == "qwen3moe") {
    config["norm_topk_prob"] = true;
  }
  if (architecture == "gpt-oss") {
    config.erase("moe_intermediate_size");   // feed_forward_length again
    if (!config.contains("rope_scaling")) {  // what config.json leaves out is YaRN
      config["rope_scaling"] = {{"rope_type", "default"}};
    }
  }
}

Json respelt_for_gpt2(const Json& config) {
  Json respelt = config;
  for (const Renaming& entry : kGpt2Names) {
    if (config.contains(entry.gguf)) {
      respelt.erase(std::string(entry.gguf));
      respelt[std::string(entry.hf)] = config[std::string(entry.gguf)];
    }
  }
  for (const char* unused : {"attention_bias", "mlp_bias", "num_key_value_heads"}) {
    respelt.erase(unused);
  }
  return respelt;
}

void rename(Json& config, const char* from, const char* to) {
  if (const auto found = config.find(from); found != config.end()) {
    config[to] = *found;
    config.erase(from);
  }
}

// The architecture's metadata under the names of config.json, before any is settled.
Json renamed_metadata(const Json& metadata, const std::string& prefix) {
  Json config = Json::object();
  for (const auto& [key, value] : metadata.items()) {
    if (!key.starts_with(prefix)) {
      continue;
    }
    const Renaming* known = renaming(std::string_view(key).substr(prefix.size()));
    if (known == nullptr) {
      config[key] = value;
    } else if (!known->hf.empty()) {
      config[std::string(known->hf)] = value;
    }
  }
  return config;
}

void check_value_length(const Json& config,
                        const Json& metadata,
                        const std::string& prefix,
                        const std::string& where) {
  const auto length = metadata.find(prefix + "attention.value_length");
  if (length != metadata.end() && config.contains("head_dim") && *length != config["head_dim"]) {
    throw DataError("{}: keys of {} and values of {} dimensions a head are not supported",
                    where,
                    config["head_dim"].dump(),
                    length->dump());
  }
}

// The fields of config.json that tell BLOOM's sizes, and Falcon's form, which a file shows by what
// it holds.
void add_fused_family(Json& config, const GgufFile& file, std::string_view architecture) {
  if (architecture != "bloom" && architecture != "falcon") {
    return;
  }
  for (const char* unread : {"attention_bias", "mlp_bias", "head_dim"}) {
    config.erase(unread);
  }
  rename(config, "layer_norm_eps", "layer_norm_epsilon");
  const Json kv_heads = config.value("num_key_value_heads", Json());
  config.erase("num_key_value_heads");
  if (architecture == "bloom") {
    rename(config, "intermediate_size", "n_inner");
    return;
  }
  const bool two_norms = file.find("blk.0.attn_norm_2.weight") != nullptr;
  config["num_kv_heads"] = kv_heads;
  config["new_decoder_architecture"] = two_norms || kv_heads != 1;
  config["num_ln_in_parallel_attn"] = two_norms ? 2 : 1;
  config["bias"] = file.find("blk.0.attn_qkv.bias") != nullptr;
  rename(config, "intermediate_size", "ffn_hidden_size");
}

}  // namespace

std::string gguf_architecture(const GgufFile& file, const std::string& where) {
  const auto found = file.metadata().find("general.architecture");
  if (found == file.metadata().end() || !found->is_string()) {
    throw DataError("{}: no general.architecture in its metadata", where);
  }
  return found->get<std::string>();
}

Json config_from_gguf(const GgufFile& file, const std::string& where) {
  const std::string architecture = gguf_architecture(file, where);
  const std::string prefix = architecture + ".";
  const Json& metadata = file.metadata();
  Json config = renamed_metadata(metadata, prefix);
  check_value_length(config, metadata, prefix, where);
  if (architecture != "gpt2" && architecture != "gptneox") {
    add_head_defaults(config);
  }
  if (!add_longrope(config, file, prefix)) {
    add_rope_scaling(config, metadata, prefix, where);
  }
  settle_phi3(config, metadata, architecture);
  add_from_tensors(config, file, where);
  add_gemma_scale(config, architecture);
  add_fused_family(config, file, architecture);
  settle_experts(config, architecture);
  if (architecture == "stablelm") {
    config["qk_layernorm"] = file.find("blk.0.attn_q_norm.weight") != nullptr;
  }
  respell_own_names(config, architecture);
  if (architecture == "gptneox") {
    config.erase("mlp_bias");
    if (config.contains("rope_theta")) {  // which this family calls otherwise
      config["rotary_emb_base"] = config["rope_theta"];
    }
  }
  return architecture == "gpt2" ? respelt_for_gpt2(config) : config;
}

}  // namespace headscope
