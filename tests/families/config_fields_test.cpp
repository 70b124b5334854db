// What a config says field by field: nulls, names, numbers and settings that a family does not
// read.
#include <map>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/warning.h"
#include "lib/families/load.h"
#include "lib/families/parameters.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/refusals.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Sets fields of config.json; a null stays one.
std::function<void(Json&)> setting(const Json& fields) {
  return [fields](Json& config) {
    for (const auto& [name, value] : fields.items()) {
      config[name] = value;
    }
  };
}

Json config_with(const char* fixture, const Json& fields) {
  const EditedModel model(fixture, setting(fields));
  return to_json(summarize_model(model.path().string()).config);
}

std::string refused(const char* fixture, const Json& fields) {
  const EditedModel model(fixture, setting(fields));
  return refusal(model.path());
}

std::vector<std::string> warnings_of(const char* fixture, const Json& fields) {
  std::vector<std::string> said;
  set_warning_sink([&](const std::string& text) { said.push_back(text); });
  (void)config_with(fixture, fields);
  set_warning_sink({});
  return said;
}

}  // namespace

TEST_CASE("a null that transformers does not take is refused, naming the field") {
  const std::pair<const char*, const char*> nulls[] = {{"llama", "rms_norm_eps"},
                                                       {"llama", "hidden_act"},
                                                       {"llama", "tie_word_embeddings"},
                                                       {"llama", "attention_bias"},
                                                       {"llama", "rope_theta"},
                                                       {"gpt2", "layer_norm_epsilon"},
                                                       {"gptj", "rotary_dim"},
                                                       {"falcon_7b", "multi_query"},
                                                       {"gemma2", "sliding_window"},
                                                       {"gemma2", "hidden_activation"},
                                                       {"starcoder2", "norm_epsilon"},
                                                       {"bert", "layer_norm_eps"}};
  for (const auto& [fixture, field] : nulls) {
    CAPTURE(fixture, field);
    CHECK_THAT(refused(fixture, {{field, nullptr}}), contains(field) && contains("null"));
  }
  const Json theta{{"rope_type", "default"}, {"rope_theta", nullptr}};
  CHECK_THAT(refused("llama", {{"rope_parameters", theta}}), contains("rope_theta"));
}

TEST_CASE("a null that transformers takes is the default") {
  CHECK(config_with("llama", {{"head_dim", nullptr}, {"num_key_value_heads", nullptr}}) ==
        config_with("llama", Json::object()));
  CHECK(config_with("gpt2", {{"n_inner", nullptr}})["d_mlp"] ==
        4 * config_with("gpt2", Json::object())["d_model"].get<int>());
  CHECK(config_with("hooked_plain", {{"rotary_dim", nullptr}, {"eps", nullptr}}) ==
        config_with("hooked_plain", Json::object()));
}

TEST_CASE("an error calls a field as the file does") {
  const std::string message = refused("qwen3_moe", {{"num_experts", "five"}});
  CHECK_THAT(message, contains("\"num_experts\"") && contains("five"));
  CHECK_THAT(message, !contains("num_local_experts"));
}

TEST_CASE("an epsilon that leaves nothing of a norm is refused") {
  CHECK_THAT(refused("llama", {{"rms_norm_eps", 1e9}}), contains("norm_eps"));
}

TEST_CASE("longrope is called su or yarn by Phi-3 alone") {
  const Json plain = config_with("phi3_longrope", Json::object());
  const EditedModel model("phi3_longrope", [](Json&) {});
  Json settings = read_json(model.path() / "config.json")["rope_scaling"];
  for (const char* type : {"su", "yarn"}) {
    settings["type"] = type;
    CHECK(config_with("phi3_longrope", {{"rope_scaling", settings}}) == plain);
  }
  const Json linear{{"type", "linear"}, {"factor", 2.0}};
  CHECK_THAT(refused("phi3_longrope", {{"rope_scaling", linear}}), contains("linear"));
  settings["type"] = "su";
  CHECK_THAT(refused("llama", {{"rope_scaling", settings}}), contains("\"su\""));
}

TEST_CASE("yarn is not read without its factor, which may be null") {
  const EditedModel model("llama_yarn", [](Json&) {});
  const Json whole = read_json(model.path() / "config.json");
  const char* const name = whole.contains("rope_parameters") ? "rope_parameters" : "rope_scaling";
  Json settings = whole[name];
  settings["factor"] = nullptr;
  CHECK_NOTHROW(config_with("llama_yarn", {{name, settings}}));
  settings.erase("factor");
  CHECK_THAT(refused("llama_yarn", {{name, settings}}), contains("factor"));
}

TEST_CASE("a bias that the family has no switch for changes nothing and is told") {
  for (const char* fixture : {"mistral", "qwen3", "phi3_window", "stablelm"}) {
    CAPTURE(fixture);
    const Json plain = config_with(fixture, Json::object());
    CHECK(config_with(fixture, {{"mlp_bias", true}}) == plain);
    const auto said = warnings_of(fixture, {{"mlp_bias", true}});
    REQUIRE_FALSE(said.empty());
    CHECK_THAT(said[0], contains("mlp_bias"));
    CHECK(warnings_of(fixture, {{"mlp_bias", false}}).empty());
  }
  const auto said = warnings_of("olmo", {{"rms_norm_eps", 1e-3}});
  REQUIRE(said.size() == 1);
  CHECK_THAT(said[0], contains("rms_norm_eps"));
}

TEST_CASE("weights take the bytes they were estimated at, narrow embeddings widened") {
  for (const char* fixture : {"opt_350m", "llama3_gqa_tied", "mixtral"}) {
    CAPTURE(fixture);
    const std::string path = (fixture_directory() / fixture).string();
    const ModelSummary summary = summarize_model(path);
    const Model model = load_model(path);
    std::map<const void*, std::size_t> held;  // a tied head is the embedding
    Weights weights = model.weights();
    for_each_tensor(weights, [&](Tensor& tensor) { held[tensor.data_ptr()] = tensor.nbytes(); });
    std::int64_t bytes = 0;
    for (const auto& [data, size] : held) {
      bytes += static_cast<std::int64_t>(size);
    }
    CHECK(weight_bytes(summary.config, DType::f32) == bytes);
    CHECK((summary.parameters * 4 < bytes) == (summary.config.d_embed != 0));
  }
}

TEST_CASE("random weights are scaled as loaded ones are") {
  const auto drawn = [](const Json& fields) {
    const EditedModel model("granite", setting(fields));
    return load_model(model.path().string(), {.device = {}, .random_seed = 3});
  };
  const Model plain = drawn({{"residual_multiplier", 1.0}, {"logits_scaling", 1.0}});
  const Model scaled = drawn({{"residual_multiplier", 0.25}, {"logits_scaling", 8.0}});
  CHECK(scaled.weights().blocks[0].W_O.equal(plain.weights().blocks[0].W_O * 0.25));
  CHECK(scaled.weights().blocks[1].W_out.equal(plain.weights().blocks[1].W_out * 0.25));
  CHECK(scaled.weights().ln_final.gain.equal(plain.weights().ln_final.gain / 8));
}
