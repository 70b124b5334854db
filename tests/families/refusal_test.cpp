// What headscope does not run it refuses by name, and never runs on a guess.
#include <fstream>
#include <iterator>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/refusals.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<Refusal> kConfigs{
    {"llama",
     R"({"architectures": ["MambaForCausalLM"]})",
     {"MambaForCausalLM", "LlamaForCausalLM"}},
    {"llama3_gqa_tied", R"({"rope_parameters": {"rope_type": "longrope"}})", {"longrope"}},
    {"llama3_v4", R"({"rope_scaling": {"high_freq_factor": null}})", {"high_freq_factor"}},
    {"llama", R"({"hidden_act": "quick_gelu"})", {"hidden_act", "quick_gelu"}},
    {"llama", R"({"attn_temperature_tuning": 4})", {"attn_temperature_tuning"}},
    {"llama", R"({"num_attention_heads": "four"})", {"num_attention_heads"}},
    {"llama", R"({"hidden_size": null})", {"hidden_size"}},
    {"llama", R"({"num_key_value_heads": 3})", {"4", "3"}},
    {"gpt2", R"({"activation_function": "mish"})", {"activation_function", "mish"}},
    {"qwen3_window",
     R"({"layer_types": ["full_attention", "chunked_attention"]})",
     {"chunked_attention"}},
    {"qwen3_window", R"({"layer_types": ["full_attention"]})", {"layer_types", "2"}},
    {"gemma3", R"({"use_bidirectional_attention": true})", {"use_bidirectional_attention"}},
    {"gemma3_v5", R"({"rope_parameters": {"sliding_attention": {"rope_type": "ntk"}}})", {"ntk"}},
    {"gemma3_nested",
     R"({"text_config": {"hidden_activation": "mish"}})",
     {"hidden_activation", "mish"}},
    {"llama", R"({"partial_rotary_factor": 0.5})", {"partial_rotary_factor"}},
    {"llama",
     R"({"rope_parameters": {"rope_theta": 100.0, "partial_rotary_factor": 0.5}})",
     {"partial_rotary_factor", "0.5"}},
    {"llama3_v4",
     R"({"rope_parameters": {"rope_type": "default", "rope_theta": 500}})",
     {"rope_parameters and rope_scaling disagree"}},
};

// A field of another JSON type is named with what it holds.
const std::vector<Refusal> kTypes{
    {"llama", R"({"num_hidden_layers": "three"})", {"num_hidden_layers", "three"}},
    {"llama", R"({"num_hidden_layers": 3.5})", {"num_hidden_layers", "3.5"}},
    {"llama", R"({"hidden_size": [32]})", {"hidden_size", "[32]"}},
    {"llama", R"({"rms_norm_eps": "small"})", {"rms_norm_eps", "small"}},
    {"llama", R"({"tie_word_embeddings": 1})", {"tie_word_embeddings", "1"}},
    {"llama", R"({"hidden_act": 7})", {"hidden_act", "7"}},
    {"llama", R"({"rope_scaling": "linear"})", {"rope", "linear"}},
    {"llama", R"({"rope_scaling": {"rope_type": 3}})", {"rope_type", "3"}},
    {"llama", R"({"rope_scaling": {"rope_type": "linear", "factor": "4"}})", {"factor"}},
    {"gpt2", R"({"n_layer": "2"})", {"n_layer", "2"}},
    {"gemma3", R"({"query_pre_attn_scalar": "256"})", {"query_pre_attn_scalar"}},
    {"qwen3_window", R"({"layer_types": "full_attention"})", {"layer_types"}},
};

// Sizes that would fill the memory if they were believed before they are checked.
const std::vector<Refusal> kHostile{
    {"llama", R"({"num_hidden_layers": 1099511627776})", {"num_hidden_layers", "1099511627776"}},
    {"gpt2", R"({"n_layer": 1099511627776})", {"n_layer", "1099511627776"}},
    {"gpt_neox", R"({"num_hidden_layers": 1099511627776})", {"num_hidden_layers"}},
    {"qwen3_window",
     R"({"num_hidden_layers": 1099511627776, "layer_types": null})",
     {"num_hidden_layers"}},
    {"gemma2",
     R"({"num_hidden_layers": 1099511627776, "layer_types": null})",
     {"num_hidden_layers"}},
    {"gemma3", R"({"num_hidden_layers": 1099511627776})", {"num_hidden_layers"}},
    {"llama", R"({"num_hidden_layers": 0})", {"num_hidden_layers", "0"}},
    {"llama", R"({"vocab_size": 1099511627776})", {"d_vocab", "1099511627776"}},
};

// Numbers no pass can compute with.
const std::vector<Refusal> kNumbers{
    {"llama", R"({"rms_norm_eps": 0})", {"config.json", "norm_eps is 0"}},
    {"llama", R"({"rms_norm_eps": -1e-5})", {"norm_eps is -1e-05"}},
    {"gpt2", R"({"layer_norm_epsilon": 1e-60})", {"norm_eps"}},
    {"gpt_neox", R"({"layer_norm_eps": 1e60})", {"norm_eps"}},
    {"gemma2", R"({"query_pre_attn_scalar": 0})", {"query_pre_attn_scalar 0"}},
    {"gemma3", R"({"query_pre_attn_scalar": -8})", {"query_pre_attn_scalar -8"}},
    {"gemma2", R"({"attn_logit_softcapping": -50})", {"score_softcap is -50"}},
    {"gemma2", R"({"final_logit_softcapping": -30})", {"logit_softcap is -30"}},
    {"llama3_v4", R"({"rope_theta": 0})", {"rope", "0"}},
    {"llama3_v4", R"({"rope_scaling": {"low_freq_factor": 4.0}})", {"high_freq_factor"}},
    {"llama3_v4",
     R"({"rope_scaling": {"original_max_position_embeddings": 1e300}})",
     {"original_max_position_embeddings"}},
    {"qwen3_window", R"({"max_window_layers": 18446744073709551615})", {"max_window_layers"}},
};

// Settings that contradict each other.
const std::vector<Refusal> kContradictions{
    {"gemma3_v5",
     R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0}})",
     {"rope_parameters and rope_scaling disagree"}},
    {"qwen2_window", R"({"use_sliding_window": false})", {"layer 1 slides", "use_sliding_window"}},
    {"qwen2", R"({"use_mrope": true})", {"use_mrope"}},
    {"hooked_attn_only", R"({"parallel_attn_mlp": true})", {"parallel block", "without MLPs"}},
    {"hooked_attn_only", R"({"rotary_dim": 4})", {"rotary_dim", "rotary"}},
    {"hooked_attn_only", R"({"use_attn_scale": false})", {"attn_scale", "1.7"}},
    {"hooked_attn_only", R"({"window_size": 4})", {"window_size", "use_local_attn"}},
    {"hooked_plain", R"({"attn_types": ["local"]})", {"attn_types", "3 layers"}},
    {"hooked_plain", R"({"n_key_value_heads": 4})", {"n_key_value_heads", "leave it out"}},
    {"hooked_plain", R"({"d_vocab_out": 5})", {"d_vocab_out", "5"}},
    {"hooked_plain", R"({"attn_normalizer": "sigmoid"})", {"sigmoid", "softmax", "relu"}},
    {"hooked_plain", R"({"normalization_type": "LNPre"})", {"LNPre", "RMS"}},
    {"hooked_plain", R"({"positional_embedding_type": "shortformer"})", {"shortformer"}},
    {"hooked_plain", R"({"attention_dir": "backwards"})", {"backwards", "bidirectional"}},
    {"hooked_plain", R"({"act_fn": null})", {"act_fn", "missing"}},
    {"hooked_plain", R"({"gated_mlp": true})", {"gated_mlp"}},
    {"mistral", R"({"sliding_window": 0})", {"sliding_window", "0"}},
    {"mistral", R"({"layer_types": ["full_attention", "full_attention"]})", {"layer_types"}},
    {"qwen3_window", R"({"use_sliding_window": false})", {"layer 1 slides", "use_sliding_window"}},
};

// A config that disagrees with the weights: the tensor, its shape and what the config asks for.
const std::vector<Refusal> kShapes{
    {"llama", R"({"hidden_size": 40, "head_dim": 8})", {"32", "40"}},
    {"llama", R"({"vocab_size": 300})", {"model.embed_tokens.weight", "288", "300"}},
    {"llama", R"({"intermediate_size": 48})", {"48", "64"}},
    {"gpt2", R"({"n_inner": 96})", {"mlp.c_fc", "96", "128"}},
    {"llama3_gqa_tied", R"({"num_key_value_heads": 4})", {"self_attn.k_proj.weight", "32", "64"}},
    {"llama", R"({"num_hidden_layers": 4})", {"model.layers.3."}},
    {"llama", R"({"num_hidden_layers": 2})", {"model.layers.2."}},
    {"llama", R"({"attention_bias": true})", {"self_attn.q_proj.bias"}},
    {"llama_biases", R"({"attention_bias": false})", {"_proj.bias"}},
    {"llama_biases", R"({"mlp_bias": false})", {"_proj.bias"}},
    {"llama3_gqa_tied", R"({"tie_word_embeddings": false})", {"lm_head.weight"}},
};

// A copy of a GGUF file in which the first string `from` after `key` reads `to` (of equal length).
std::filesystem::path patched_gguf(const char* file,
                                   const std::string& key,
                                   const std::string& from,
                                   const std::string& to) {
  std::ifstream in(fixture_directory() / "gguf" / file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::size_t at = bytes.find(from, bytes.find(key) + key.size());
  REQUIRE(at != std::string::npos);
  REQUIRE(from.size() == to.size());
  bytes.replace(at, from.size(), to);
  const auto path = std::filesystem::temp_directory_path() / ("headscope-refusal-" + to + ".gguf");
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace

TEST_CASE("a config headscope does not implement is refused by name") {
  check_refusals(kConfigs);
}

TEST_CASE("a config field of the wrong type is named") {
  check_refusals(kTypes);
}

TEST_CASE("a hostile size is refused before anything of that size is made") {
  const std::int64_t before = peak_memory();
  check_refusals(kHostile);
  CHECK(peak_memory() - before < 256'000'000);
}

TEST_CASE("a size beyond any memory is refused by its sum, however large") {
  const EditedModel model("llama", [](Json& c) {
    const std::int64_t largest = std::int64_t{1} << 31;
    for (const char* name : {"hidden_size", "intermediate_size", "vocab_size"}) {
      c[name] = largest;
    }
    c["head_dim"] = 8;
    c["num_hidden_layers"] = 65536;
  });
  CHECK(weight_bytes(summarize_model(model.path().string()).config, DType::f32) ==
        4'000'000'000'000'000'000);
  CHECK_THROWS_AS(load_model(model.path().string()), ResourceError);
  CHECK_THROWS_WITH(load_model(model.path().string(), {.device = {}, .random_seed = 1}),
                    contains("free"));
}

TEST_CASE("a number no pass can compute with is refused by name") {
  check_refusals(kNumbers);
}

TEST_CASE("settings that contradict each other are refused") {
  check_refusals(kContradictions);
}

TEST_CASE("weights that disagree with their config are refused, naming both") {
  check_refusals(kShapes);
}

TEST_CASE("a GGUF file headscope does not implement is refused by name") {
  const auto mamba = patched_gguf("llama-f32.gguf", "general.architecture", "llama", "mamba");
  CHECK_THAT(refusal(mamba), contains("mamba"));
  const auto scaled =
      patched_gguf("llama_linear_mqa-f32.gguf", "rope.scaling.type", "linear", "cosine");
  CHECK_THAT(refusal(scaled), contains("cosine"));
  const auto renamed = patched_gguf(
      "llama-f32.gguf", "tokenizer.ggml", "blk.1.attn_q.weight", "blk.1.attn_x.weight");
  CHECK_THAT(refusal(renamed), contains("attn_"));
  for (const auto& path : {mamba, scaled, renamed}) {
    std::filesystem::remove(path);
  }
}

TEST_CASE("a rope scaling factor in a GGUF file without a type is linear, as in llama.cpp") {
  const auto file = fixture_directory() / "gguf/llama_linear_mqa-f32.gguf";
  // Another architecture's key: what says "linear" is gone, the factor stays.
  const auto untyped = patched_gguf(
      "llama_linear_mqa-f32.gguf", "GGUF", "llama.rope.scaling.type", "other.rope.scaling.type");
  CHECK(summarize_model(untyped.string()).config.ropes[0].scaling.kind ==
        RopeScaling::Kind::linear);
  CHECK(to_json(summarize_model(untyped.string()).config) ==
        to_json(summarize_model(file.string()).config));
  std::filesystem::remove(untyped);
}

TEST_CASE("sizes that published Gemma 3 configs leave out are transformers' defaults") {
  const EditedModel model("gemma3_nested", [](Json& c) {
    for (const char* name : {"num_attention_heads", "num_key_value_heads", "vocab_size"}) {
      c["text_config"].erase(name);
    }
  });
  // The tiny weights have fewer of everything: what the message asks for is the default.
  CHECK_THAT(refusal(model.path()), contains("262208"));
}
