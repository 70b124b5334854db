// The tiny models of data/fixtures/models, their expected values, and altered copies of them.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/model/model.h"
#include "tests/support/tensors.h"

namespace headscope::test {

struct FixtureModel {
  std::string name;                // "gemma2", "llama-q8_0.gguf"
  std::filesystem::path path;      // what load_model gets
  std::filesystem::path expected;  // a safetensors file
};

std::filesystem::path fixture_directory();
FixtureModel huggingface_fixture(const std::string& name);
std::vector<FixtureModel> huggingface_fixtures();  // every one that transformers runs too
// And those that have no norms, no MLPs or other patterns: not every hook point is there.
std::vector<FixtureModel> all_fixtures();
// Those of huggingface_fixtures() whose tokens see none behind them, and those whose blocks write
// terms of one sum (why_no_sum()).
std::vector<FixtureModel> causal_fixtures();
std::vector<FixtureModel> summed_fixtures();
std::vector<FixtureModel> gguf_fixtures();

Model load(const FixtureModel& fixture);

// Token ids of `tokens.N`, and a batch of them.
std::vector<std::int32_t> prompt(const Tensors& expected, int n);
Batch batch_of(const std::vector<std::vector<std::int32_t>>& prompts);

// Expected values that are hook points: all but tokens and logits.
bool is_hook(const std::string& name);

// A copy of a model directory whose config.json went through `edit`; removed with the object.
class EditedModel {
 public:
  EditedModel(const std::string& fixture, const std::function<void(Json&)>& edit);
  ~EditedModel();
  EditedModel(const EditedModel&) = delete;
  EditedModel& operator=(const EditedModel&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The same model with its config or weights altered in memory; shared tensors are not touched.
Model altered(const Model& model, const std::function<void(ModelConfig&, Weights&)>& change);

// The same model with something in its attention that no fused kernel knows, drawn from a fixed
// seed and set where a family would set it.
// relu: the other normalizer, with all that goes with it.
enum class AttentionFeature { temperature, biases, sinks, full, all_causal, all, relu };
Model with_feature(const Model& model, AttentionFeature feature);
std::string to_string(AttentionFeature feature);

}  // namespace headscope::test
