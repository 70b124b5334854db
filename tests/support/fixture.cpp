#include "tests/support/fixture.h"

#include <atomic>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/families/load.h"

namespace headscope::test {
namespace {

namespace fs = std::filesystem;

FixtureModel gguf_fixture(const std::string& name, const std::string& kind) {
  const fs::path directory = fixture_directory() / "gguf";
  const std::string file = fmt::format("{}-{}", name, kind);
  const fs::path own = directory / (file + ".expected.safetensors");
  return {file + ".gguf",
          directory / (file + ".gguf"),
          kind == "f32" ? fixture_directory() / name / "expected.safetensors" : own};
}

}  // namespace

fs::path fixture_directory() {
  return fs::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/models";
}

FixtureModel huggingface_fixture(const std::string& name) {
  return {name, fixture_directory() / name, fixture_directory() / name / "expected.safetensors"};
}

std::vector<FixtureModel> huggingface_fixtures() {
  std::vector<FixtureModel> fixtures;
  for (const char* name : {"gpt2",
                           "gpt2_untied",
                           "gpt_neox",
                           "gpt_neox_sequential",
                           "llama",
                           "llama3_gqa_tied",
                           "llama3_v4",
                           "llama_linear_mqa",
                           "llama_biases",
                           "qwen3",
                           "qwen3_window",
                           "gemma2",
                           "gemma2_v5",
                           "gemma3",
                           "gemma3_v5",
                           "gemma3_nested"}) {
    fixtures.push_back(huggingface_fixture(name));
  }
  return fixtures;
}

std::vector<FixtureModel> gguf_fixtures() {
  std::vector<FixtureModel> fixtures;
  for (const char* name : {"gpt2",
                           "gpt_neox",
                           "llama",
                           "llama3_gqa_tied",
                           "llama_linear_mqa",
                           "qwen3",
                           "gemma2_v5",
                           "gemma3_v5"}) {
    fixtures.push_back(gguf_fixture(name, "f32"));
  }
  for (const char* name : {"gpt2", "gpt_neox", "llama", "qwen3"}) {
    fixtures.push_back(gguf_fixture(name, "q8_0"));
  }
  return fixtures;
}

Model load(const FixtureModel& fixture) {
  return load_model(fixture.path.string());
}

std::vector<std::int32_t> prompt(const Tensors& expected, int n) {
  const Tensor& tokens = expected.at(fmt::format("tokens.{}", n));
  const auto* id = tokens.const_data_ptr<std::int64_t>();
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < tokens.numel(); ++i) {
    ids.push_back(static_cast<std::int32_t>(id[i]));
  }
  return ids;
}

Batch batch_of(const std::vector<std::vector<std::int32_t>>& prompts) {
  return Batch(prompts);
}

bool is_hook(const std::string& name) {
  return name.find("hook_") != std::string::npos;
}

EditedModel::EditedModel(const std::string& fixture, const std::function<void(Json&)>& edit) {
  static std::atomic<int> count{0};
  path_ = fs::temp_directory_path() / fmt::format("headscope-{}-{}-{}", fixture, getpid(), ++count);
  fs::create_directories(path_);
  for (const auto& entry : fs::directory_iterator(fixture_directory() / fixture)) {
    if (entry.path().filename() != "config.json") {
      fs::create_symlink(entry.path(), path_ / entry.path().filename());
    }
  }
  Json config = read_json(fixture_directory() / fixture / "config.json");
  edit(config);
  std::ofstream(path_ / "config.json") << config.dump(2);
}

EditedModel::~EditedModel() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Model altered(const Model& model, const std::function<void(ModelConfig&, Weights&)>& change) {
  ModelConfig config = model.config();
  Weights weights = model.weights();
  change(config, weights);
  return Model(Model::Parts{.config = config,
                            .weights = weights,
                            .tokenizer = nullptr,
                            .device = model.device(),
                            .dtype = model.dtype(),
                            .source = model.source()});
}

}  // namespace headscope::test
