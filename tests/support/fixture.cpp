#include "tests/support/fixture.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>
#include <stdexcept>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"

namespace headscope::test {
namespace {

namespace fs = std::filesystem;

// NAME-KIND.gguf. Those of kind f32 hold the very weights of NAME, so its answers are theirs.
FixtureModel gguf_fixture(const std::string& file) {
  const fs::path directory = fixture_directory() / "gguf";
  const std::string stem = fs::path(file).stem().string();
  const fs::path own = directory / (stem + ".expected.safetensors");
  const std::string name = stem.substr(0, stem.rfind('-'));
  return {file,
          directory / file,
          fs::exists(own) ? own : fixture_directory() / name / "expected.safetensors"};
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A folder that lost its models must not pass for one whose models are right.
std::vector<FixtureModel> at_least(std::size_t count, std::vector<FixtureModel> fixtures) {
  if (fixtures.size() < count) {
    throw std::runtime_error(fmt::format("{} fixtures of {}", fixtures.size(), count));
  }
  return fixtures;
}

std::vector<FixtureModel> those_of(std::vector<FixtureModel> fixtures,
                                   const std::function<bool(const ModelConfig&)>& chosen) {
  std::erase_if(fixtures, [&](const FixtureModel& fixture) {
    return !chosen(summarize_model(fixture.path.string()).config);
  });
  return fixtures;
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
  for (const std::string& name : names_in(fixture_directory())) {
    if (fs::exists(fixture_directory() / name / "expected.safetensors") &&
        !name.starts_with("hooked_")) {
      fixtures.push_back(huggingface_fixture(name));
    }
  }
  return at_least(20, fixtures);
}

std::vector<FixtureModel> all_fixtures() {
  std::vector<FixtureModel> fixtures = huggingface_fixtures();
  for (const char* name : {"hooked_plain", "hooked_attn_only", "hooked_rotary"}) {
    fixtures.push_back(huggingface_fixture(name));
  }
  return fixtures;
}

std::vector<FixtureModel> causal_fixtures() {
  return those_of(huggingface_fixtures(),
                  [](const ModelConfig& config) { return is_causal(config); });
}

std::vector<FixtureModel> summed_fixtures() {
  return those_of(huggingface_fixtures(),
                  [](const ModelConfig& config) { return why_no_sum(config).empty(); });
}

std::vector<FixtureModel> gguf_fixtures() {
  std::vector<FixtureModel> fixtures;
  for (const std::string& file : names_in(fixture_directory() / "gguf")) {
    if (file.ends_with(".gguf")) {
      fixtures.push_back(gguf_fixture(file));
    }
  }
  return at_least(13, fixtures);
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

Model with_feature(const Model& model, AttentionFeature feature) {
  using F = AttentionFeature;
  const bool relu = feature == F::relu;
  const bool causal = feature == F::all_causal || feature == F::all || relu;
  std::mt19937 random(5);
  const auto draw = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(random()) / 4294967296.0;
  };
  const auto drawn = [&](std::vector<std::int64_t> sizes) {
    Tensor out = at::empty(sizes, at::kFloat);
    for (std::int64_t i = 0; i < out.numel(); ++i) {
      out.data_ptr<float>()[i] = static_cast<float>(draw(-1.0, 1.0));
    }
    return out;
  };
  return altered(model, [&](ModelConfig& config, Weights& weights) {
    config.normalizer = relu ? PatternNormalizer::relu : config.normalizer;
    for (std::size_t layer = 0; layer < config.layers.size(); ++layer) {
      LayerConfig& of_layer = config.layers[layer];
      BlockWeights& block = weights.blocks[layer];
      for (std::int64_t head = 0; head < config.n_heads; ++head) {
        if (causal || feature == F::temperature) {
          of_layer.head_scale.push_back(draw(0.4, 2.5));
        }
        if (causal || feature == F::biases) {
          of_layer.alibi.push_back(draw(0.01, 0.4));
        }
      }
      if (causal || feature == F::biases) {
        block.distance_bias = drawn({config.n_heads, 6});
      }
      if ((causal && !relu) || feature == F::sinks) {
        block.sinks = drawn({config.n_heads});
      }
      if (feature == F::full || feature == F::all) {
        of_layer.visibility = Visibility::full;
      }
    }
  });
}

std::string to_string(AttentionFeature feature) {
  static constexpr const char* kNames[] = {
      "temperature", "biases", "sinks", "full visibility", "all but that", "all", "relu"};
  return kNames[static_cast<int>(feature)];
}

}  // namespace headscope::test
