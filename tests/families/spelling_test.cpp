// The same model spelled as transformers 4 and as transformers 5 write it.
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Json config_of(const std::string& fixture, const std::string& patch) {
  const EditedModel model(fixture, [&](Json& c) { c.merge_patch(Json::parse(patch)); });
  return to_json(load_model(model.path().string()).config());
}

}  // namespace

TEST_CASE("rope settings mean the same in either spelling") {
  CHECK(config_of("llama3_v4", "{}") == config_of("llama3_v4", R"({
      "rope_theta": null, "rope_scaling": null, "torch_dtype": null, "dtype": "bfloat16",
      "rope_parameters": {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0,
                          "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                          "original_max_position_embeddings": 64}})"));
  CHECK(config_of("llama_linear_mqa", "{}") == config_of("llama_linear_mqa", R"({
      "rope_scaling": {"type": null, "rope_type": "linear", "factor": 4.0}})"));
  CHECK(config_of("gpt_neox", "{}") == config_of("gpt_neox", R"({
      "rotary_pct": null, "rotary_emb_base": null,
      "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0,
                          "partial_rotary_factor": 0.25}})"));
}

TEST_CASE("which layers slide means the same in either spelling") {
  CHECK(config_of("gemma3", "{}") == config_of("gemma3", R"({
      "sliding_window_pattern": null, "rope_theta": null, "rope_local_base_freq": null,
      "rope_scaling": null,
      "layer_types": ["sliding_attention", "sliding_attention", "full_attention",
                      "sliding_attention"],
      "rope_parameters": {
          "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1000.0},
          "sliding_attention": {"rope_type": "default", "rope_theta": 10.0}}})"));
  CHECK(config_of("gemma2_v5", "{}") == config_of("gemma2_v5", R"({
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]})"));
  CHECK(config_of("qwen3_window", "{}") == config_of("qwen3_window", R"({"layer_types": null})"));
}

TEST_CASE("a rope_scaling that says again what rope_parameters say changes nothing") {
  const std::string own = R"({"rope_scaling": {"rope_type": "linear", "factor": 8.0}})";
  CHECK(config_of("gemma3_v5", "{}") == config_of("gemma3_v5", own));
  CHECK(config_of("gemma3_v5", "{}") == config_of("gemma3_v5", R"({
      "rope_theta": 1000000.0, "rope_parameters": {"full_attention": {"rope_theta": null}}})"));
  CHECK(config_of("gemma3_v5", "{}") != config_of("gemma3_v5", R"({
      "rope_theta": 500.0, "rope_parameters": {"full_attention": {"rope_theta": null}}})"));
}

TEST_CASE("a change of a value changes the config") {  // the comparisons above can fail
  CHECK(config_of("gemma3", "{}") != config_of("gemma3", R"({"sliding_window_pattern": 2})"));
  CHECK(config_of("llama3_v4", "{}") != config_of("llama3_v4", R"({"rope_theta": 501})"));
}
