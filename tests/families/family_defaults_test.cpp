// What a config leaves out, or sets to null, is what transformers or llama.cpp take for it.
#include <cmath>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("without query_pre_attn_scalar Gemma scales as transformers does by default") {
  for (const char* fixture : {"gemma2", "gemma3"}) {
    const EditedModel model(fixture, [](Json& c) { c.erase("query_pre_attn_scalar"); });
    CHECK(load_model(model.path().string()).config().attn_scale == 1.0 / 16);  // √256
  }
}

TEST_CASE("a GGUF file's Gemma scales by d_head, but the largest by d_model over heads") {
  const auto scale_with_layers = [](const std::string& name, char layers) {
    std::ifstream in(fixture_directory() / "gguf" / (name + "_v5-f32.gguf"), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto set = [&](const std::string& key, char value) {
      const std::size_t at = bytes.find(name + key);
      REQUIRE(at != std::string::npos);
      bytes[at + (name + key).size() + 4] = value;  // after the type, the low byte of a u32
    };
    set(".block_count", layers);
    set(".embedding_length", 96);
    const auto path = std::filesystem::temp_directory_path() /
                      fmt::format("headscope-scale-{}-{}.gguf", name, ::getpid());
    std::ofstream(path, std::ios::binary) << bytes;
    const ModelConfig config = summarize_model(path.string()).config;
    std::filesystem::remove(path);
    CHECK(config.n_layers == layers);
    const auto by_model = static_cast<double>(config.d_model / config.n_heads);
    REQUIRE(by_model != static_cast<double>(config.d_head));
    return config.attn_scale == 1.0 / std::sqrt(by_model)                             ? "by model"
           : config.attn_scale == 1.0 / std::sqrt(static_cast<double>(config.d_head)) ? "by head"
                                                                                      : "neither";
  };
  CHECK(scale_with_layers("gemma2", 46) == std::string("by model"));
  CHECK(scale_with_layers("gemma2", 45) == std::string("by head"));
  CHECK(scale_with_layers("gemma3", 62) == std::string("by model"));
  CHECK(scale_with_layers("gemma3", 46) == std::string("by head"));
}

TEST_CASE("a soft-cap that the config sets to null is off, not at its default") {
  const EditedModel model("gemma2", [](Json& c) {
    c["attn_logit_softcapping"] = nullptr;
    c["final_logit_softcapping"] = nullptr;
  });
  const ModelConfig config = load_model(model.path().string()).config();
  CHECK(config.score_softcap == 0);
  CHECK(config.logit_softcap == 0);
}

TEST_CASE("what a Qwen config leaves out is what transformers takes") {
  const std::string fixture = GENERATE("qwen2_window", "qwen3_window");
  const auto windows = [&](const std::function<void(Json&)>& edit) {
    const EditedModel model(fixture, [&](Json& c) {
      c.erase("layer_types");
      c["num_hidden_layers"] = 30;
      edit(c);
    });
    std::vector<std::int64_t> of_layers;
    for (const LayerConfig& layer : summarize_model(model.path().string()).config.layers) {
      of_layers.push_back(layer.window);
    }
    return of_layers;
  };
  std::vector<std::int64_t> last_two(30, 0);
  last_two[28] = last_two[29] = 4;
  CHECK(windows([](Json& c) { c.erase("max_window_layers"); }) == last_two);
  last_two[28] = last_two[29] = 4096;
  CHECK(windows([](Json& c) {
          c["max_window_layers"] = 28;
          c.erase("sliding_window");
        }) == last_two);
  const std::vector<std::int64_t> none(30, 0);
  CHECK(windows([](Json& c) { c["sliding_window"] = nullptr; }) == none);

  const auto kv_heads = [](const char* fixture, const Json& value) {
    const EditedModel model(fixture, [&](Json& c) {
      c["num_attention_heads"] = 64;
      c["head_dim"] = 8;
      c["num_key_value_heads"] = value;
      if (value == "absent") {
        c.erase("num_key_value_heads");
      }
    });
    return summarize_model(model.path().string()).config.n_kv_heads;
  };
  CHECK(kv_heads("qwen3", "absent") == 32);
  CHECK(kv_heads("qwen3", nullptr) == 64);
  CHECK(kv_heads("qwen2", "absent") == 32);
  CHECK(kv_heads("qwen2", nullptr) == 64);
  CHECK(kv_heads("mistral", "absent") == 8);
  CHECK(kv_heads("mistral", nullptr) == 64);
  CHECK(kv_heads("llama", "absent") == 64);
  CHECK(kv_heads("llama", nullptr) == 64);
  CHECK(kv_heads("gemma2", "absent") == 4);
}

TEST_CASE("a Mistral config without a window has 4096 keys, with one of null all of them") {
  const auto window = [](const Json& value) {
    const EditedModel model("mistral", [&](Json& c) {
      c["sliding_window"] = value;
      if (value == "absent") {
        c.erase("sliding_window");
      }
    });
    return summarize_model(model.path().string()).config.layers.back().window;
  };
  CHECK(window(3) == 3);
  CHECK(window("absent") == 4096);
  CHECK(window(nullptr) == 0);
}

TEST_CASE("biases that a family always or never has are not a setting, as to transformers") {
  for (const bool says : {false, true}) {
    const auto same = [&](const std::string& fixture, int prompt_number) {
      const EditedModel model(fixture, [&](Json& c) { c["attention_bias"] = says; });
      const Tensors expected = read_tensors(huggingface_fixture(fixture).expected);
      const Tensor logits = load_model(model.path().string())
                                .forward(batch_of({prompt(expected, prompt_number)}))
                                .logits;
      return difference(logits, expected.at(fmt::format("logits.{}", prompt_number))) < 1e-4;
    };
    CHECK(same("qwen2", 0));
    CHECK(same("mistral", 0));
  }
}
