// One fact told in two places: the weights decide about tied embeddings, names of two releases must
// agree, and what a wrapper left before the names of tensors is no obstacle.
#include <cstring>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/warning.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "lib/weights/weight_source.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

namespace fs = std::filesystem;

struct F32Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};
using F32Tensors = std::map<std::string, F32Tensor>;

F32Tensors read_weights(const fs::path& folder) {
  F32Tensors tensors;
  const auto source = open_safetensors(folder);
  for (const StoredTensor& stored : source->tensors()) {
    F32Tensor& tensor = tensors[stored.name];
    tensor.shape = stored.shape;
    tensor.values.resize(static_cast<std::size_t>(stored.rows() * stored.row_length()));
    source->read_rows(stored, 0, stored.rows(), DType::f32, tensor.values.data());
  }
  return tensors;
}

void write_weights(const fs::path& file, const F32Tensors& tensors) {
  std::string header = "{";
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t bytes = tensor.values.size() * sizeof(float);
    header += fmt::format(R"({}"{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})",
                          header.size() == 1 ? "" : ",",
                          name,
                          fmt::join(tensor.shape, ","),
                          data.size(),
                          data.size() + bytes);
    data.append(reinterpret_cast<const char*>(tensor.values.data()), bytes);
  }
  header += "}";
  const std::uint64_t length = header.size();
  std::ofstream(file, std::ios::binary)
          .write(reinterpret_cast<const char*>(&length), sizeof(length))
      << header << data;
}

// A copy of a fixture whose weights went through `edit`.
class EditedWeights {
 public:
  EditedWeights(
      const std::string& fixture,
      const std::function<void(F32Tensors&)>& edit,
      const std::function<void(Json&)>& edit_config = [](Json&) {})
      : model_(fixture, edit_config) {
    F32Tensors tensors = read_weights(model_.path());
    edit(tensors);
    fs::remove(model_.path() / "model.safetensors");
    write_weights(model_.path() / "model.safetensors", tensors);
  }
  [[nodiscard]] std::string path() const { return model_.path().string(); }

 private:
  EditedModel model_;
};

const std::vector<std::int32_t> kPrompt{5, 9, 40, 77, 3};

Tensor logits_of(const std::string& path) {
  return load_model(path).forward(Batch({kPrompt})).logits;
}

struct TiedFamily {
  const char* fixture;
  const char* embedding;
  const char* head;
};

const std::vector<TiedFamily> kTiedFamilies{
    {"llama3_gqa_tied", "model.embed_tokens.weight", "lm_head.weight"},
    {"gpt2", "transformer.wte.weight", "lm_head.weight"},
    {"gpt_neox_sequential", "gpt_neox.embed_in.weight", "embed_out.weight"},
    {"qwen2", "model.embed_tokens.weight", "lm_head.weight"},
    {"qwen3_window", "model.embed_tokens.weight", "lm_head.weight"},
    {"gemma2_v5", "model.embed_tokens.weight", "lm_head.weight"},
    {"gemma3_v5", "model.embed_tokens.weight", "lm_head.weight"}};

F32Tensor& stored(F32Tensors& tensors, const std::string& name) {
  for (auto& [key, tensor] : tensors) {
    if (key.ends_with(name) || name.ends_with("." + key)) {
      return tensor;
    }
  }
  FAIL("no tensor " << name);
  return tensors.begin()->second;
}

std::string fails_to_load(const std::string& path) {
  try {
    (void)summarize_model(path);  // `info` must notice too
  } catch (const DataError& error) {
    return error.what();
  }
  return "loaded";
}

Json config_json(const std::string& fixture, const std::string& patch) {
  const EditedModel model(fixture, [&](Json& c) { c.merge_patch(Json::parse(patch)); });
  return to_json(summarize_model(model.path().string()).config);
}

std::string config_refusal(const std::string& fixture, const std::string& patch) {
  const EditedModel model(fixture, [&](Json& c) { c.merge_patch(Json::parse(patch)); });
  return fails_to_load(model.path().string());
}

}  // namespace

TEST_CASE("a stored head that differs from the embedding it is tied to is the model's head") {
  std::vector<std::string> said;
  set_warning_sink([&](const std::string& text) { said.push_back(text); });
  for (const TiedFamily& family : kTiedFamilies) {
    CAPTURE(family.fixture);
    const auto twice = [&](F32Tensors& tensors) {  // head = 2 × embedding
      F32Tensor head = stored(tensors, family.embedding);
      for (float& value : head.values) {
        value *= 2.0f;
      }
      tensors[family.head] = head;
    };
    said.clear();
    const auto uncapped = [](Json& c) {  // a soft-cap would hide that logits double
      c["final_logit_softcapping"] = nullptr;
    };
    const EditedWeights edited(family.fixture, twice, uncapped);
    const EditedWeights plain(
        family.fixture, [](F32Tensors&) {}, uncapped);
    CHECK(logits_of(edited.path()).allclose(logits_of(plain.path()) * 2, 1e-5, 1e-5));
    CHECK_FALSE(summarize_model(edited.path()).config.tied_embeddings);
    REQUIRE_FALSE(said.empty());
    CHECK_THAT(said[0], contains(family.head) && contains("ties the embeddings"));
  }
  set_warning_sink({});
}

TEST_CASE("a stored head that differs from the embedding in its last value alone is no copy") {
  set_warning_sink([](const std::string&) {});
  for (const TiedFamily& family : kTiedFamilies) {
    CAPTURE(family.fixture);
    const EditedWeights edited(family.fixture, [&](F32Tensors& tensors) {
      tensors[family.head] = stored(tensors, family.embedding);
      tensors[family.head].values.back() += 1.0f;
    });
    CHECK_FALSE(summarize_model(edited.path()).config.tied_embeddings);
  }
  set_warning_sink({});
}

TEST_CASE("an equal copy of the embedding as head loads, and so does the head alone") {
  for (const TiedFamily& family : kTiedFamilies) {
    CAPTURE(family.fixture);
    const Tensor expected = logits_of((fixture_directory() / family.fixture).string());
    const EditedWeights copied(family.fixture, [&](F32Tensors& tensors) {
      tensors[family.head] = stored(tensors, family.embedding);
    });
    CHECK(logits_of(copied.path()).equal(expected));
    CHECK(summarize_model(copied.path()).config.tied_embeddings);
    const EditedWeights alone(family.fixture, [&](F32Tensors& tensors) {
      tensors[family.head] = stored(tensors, family.embedding);
      std::erase_if(tensors, [&](const auto& entry) {
        return entry.first.ends_with("wte.weight") || entry.first.ends_with("embed_in.weight") ||
               entry.first.ends_with("embed_tokens.weight");
      });
    });
    CHECK(logits_of(alone.path()).equal(expected));
  }
}

TEST_CASE("a head of another size than the embedding it is tied to is refused, naming both") {
  for (const TiedFamily& family : kTiedFamilies) {
    const EditedWeights edited(family.fixture, [&](F32Tensors& tensors) {
      F32Tensor head = stored(tensors, family.embedding);
      head.shape[0] -= 1;
      head.values.resize(static_cast<std::size_t>(head.shape[0] * head.shape[1]));
      tensors[family.head] = head;
    });
    const std::string embedding = family.embedding;
    CHECK_THAT(fails_to_load(edited.path()),
               contains(family.head) && contains(embedding.substr(embedding.find('.') + 1)));
  }
}

TEST_CASE("a decoder's own bias is what a tied BERT adds, and one that differs is told") {
  std::vector<std::string> said;
  set_warning_sink([&](const std::string& text) { said.push_back(text); });
  const std::pair<const char*, std::string> families[] = {{"bert", "cls.predictions."},
                                                          {"roberta", "lm_head."}};
  for (const auto& [fixture, head] : families) {
    CAPTURE(fixture);
    const Tensor plain = logits_of((fixture_directory() / fixture).string());
    const auto with_decoder = [&](float more, bool keep) {
      return EditedWeights(fixture, [&](F32Tensors& tensors) {
        F32Tensor bias = stored(tensors, head + "bias");
        for (float& value : bias.values) {
          value += more;
        }
        tensors[head + "decoder.bias"] = bias;
        if (!keep) {
          tensors.erase(head + "bias");
        }
      });
    };
    said.clear();
    CHECK(logits_of(with_decoder(0.0f, true).path()).equal(plain));
    CHECK(logits_of(with_decoder(1.0f, false).path()).allclose(plain + 1, 1e-5, 1e-5));
    CHECK(said.empty());
    CHECK(logits_of(with_decoder(1.0f, true).path()).allclose(plain + 1, 1e-5, 1e-5));
    REQUIRE_FALSE(said.empty());
    CHECK_THAT(said[0], contains(head + "decoder.bias") && contains(head + "bias are tied"));
  }
  set_warning_sink({});
}

TEST_CASE("names that a wrapper prefixed are read without it, unless only some are") {
  for (const char* fixture : {"llama", "gpt2", "gemma3_nested"}) {
    for (const std::string wrapper : {"_orig_mod.", "module.", "module._orig_mod."}) {
      CAPTURE(fixture, wrapper);
      const EditedWeights wrapped(fixture, [&](F32Tensors& tensors) {
        F32Tensors renamed;
        for (auto& [name, tensor] : tensors) {
          renamed[wrapper + name] = std::move(tensor);
        }
        tensors = std::move(renamed);
      });
      CHECK(logits_of(wrapped.path()).equal(logits_of((fixture_directory() / fixture).string())));
    }
  }
  const EditedWeights some("llama", [](F32Tensors& tensors) {
    auto node = tensors.extract("model.norm.weight");
    node.key() = "_orig_mod.model.norm.weight";
    tensors.insert(std::move(node));
  });
  CHECK_THROWS_WITH(load_model(some.path()),
                    contains("model.norm.weight is missing") && contains("_orig_mod."));
  const EditedWeights inner("llama", [](F32Tensors& tensors) {
    auto node = tensors.extract("model.norm.weight");
    node.key() = "model._orig_mod.norm.weight";
    tensors.insert(std::move(node));
  });
  CHECK_THROWS_WITH(load_model(inner.path()),
                    contains("model.norm.weight is missing") && contains("_orig_mod."));
}

TEST_CASE("a setting under an older and a newer name loads where they agree") {
  CHECK(config_json("gpt_neox", "{}") == config_json("gpt_neox", R"({
      "partial_rotary_factor": 0.25, "rope_theta": 10000})"));
  CHECK(config_json("gpt_neox", "{}") == config_json("gpt_neox", R"({
      "rotary_pct": null, "partial_rotary_factor": 0.25})"));
  CHECK(config_json("gpt_neox", "{}") == config_json("gpt_neox", R"({
      "rope_scaling": {"type": "default", "partial_rotary_factor": 0.25}})"));
  CHECK(config_json("gpt_neox_sequential", "{}") == config_json("gpt_neox_sequential", R"({
      "partial_rotary_factor": 0.5, "rotary_pct": 0.5, "rotary_emb_base": 50, "rope_theta": 50})"));
  CHECK(config_json("llama", "{}") == config_json("llama", R"({"partial_rotary_factor": 1.0})"));
  CHECK(config_json("llama_linear_mqa", "{}") == config_json("llama_linear_mqa", R"({
      "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}})"));
  CHECK(config_json("gpt2", "{}") == config_json("gpt2", R"({"max_position_embeddings": 40})"));
  const Json gpt2 = read_json(fixture_directory() / "gpt2/config.json");
  CHECK(config_json("gpt2", "{}") == config_json("gpt2",
                                                 Json{{"n_embd", nullptr},
                                                      {"hidden_size", gpt2["n_embd"]},
                                                      {"n_layer", nullptr},
                                                      {"num_hidden_layers", gpt2["n_layer"]},
                                                      {"n_head", nullptr},
                                                      {"num_attention_heads", gpt2["n_head"]}}
                                                     .dump()));
}

TEST_CASE("a setting under two names that differ is refused, naming both") {
  const auto refused = [](const char* fixture, const char* patch, const char* a, const char* b) {
    CAPTURE(fixture, patch);
    CHECK_THAT(config_refusal(fixture, patch), contains(a) && contains(b));
  };
  refused("gpt_neox", R"({"partial_rotary_factor": 0.5})", "partial_rotary_factor", "rotary_pct");
  refused("gpt_neox",
          R"({"rotary_pct": null, "partial_rotary_factor": 0.5})",
          "partial_rotary_factor",
          "rotary_pct");
  refused("gpt_neox", R"({"rope_theta": 500})", "rope_theta", "rotary_emb_base");
  refused("gpt2", R"({"max_position_embeddings": 39})", "n_positions", "max_position_embeddings");
  refused("gpt2", R"({"hidden_size": 64})", "n_embd", "hidden_size");
  refused("llama_linear_mqa",
          R"({"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 5.0}})",
          "rope_parameters",
          "rope_scaling");
  refused("gemma3",
          R"({"_sliding_window_pattern": 2})",
          "_sliding_window_pattern",
          "sliding_window_pattern");
  refused("llama", R"({"model_type": "mistral"})", "mistral", "LlamaForCausalLM");
  refused("gemma3_nested",
          R"({"tie_word_embeddings": false, "text_config": {"tie_word_embeddings": true}})",
          "tie_word_embeddings",
          "text_config");
}

TEST_CASE("Gemma's older name of the activation does not decide") {
  for (const char* fixture : {"gemma2", "gemma2_v5", "gemma3", "gemma3_v5"}) {
    CAPTURE(fixture);
    const Json plain = config_json(fixture, "{}");
    CHECK(config_json(fixture, R"({"hidden_act": "gelu"})") == plain);
    CHECK(config_json(fixture, R"({"hidden_act": "mish"})") == plain);
    CHECK(config_json(fixture, R"({"hidden_activation": "relu"})") != plain);
  }
}

TEST_CASE("a field that transformers passes over for another is told, not passed over in silence") {
  struct Case {
    const char* fixture;
    const char* patch;
    const char* field;
  };
  for (const Case& each :
       {Case{"llama",
             R"({"rope_parameters": {"rope_type": "default", "rope_theta": 500}})",
             "rope_theta"},
        Case{"gpt_neox",
             R"({"rope_parameters": {"rope_type": "default", "rope_theta": 999}})",
             "rotary_emb_base"},
        Case{"gpt_neox",
             R"({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}})",
             "rotary_pct"},
        Case{"gemma2",
             R"({"hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh"})",
             "hidden_act"}}) {
    CAPTURE(each.fixture, each.patch);
    std::vector<std::string> said;
    set_warning_sink([&](const std::string& text) { said.push_back(text); });
    (void)config_json(each.fixture, each.patch);
    CHECK(said.size() == 1);
    CHECK_THAT(
        said.empty() ? "" : said[0],
        contains("\"" + std::string(each.field) + "\": ") && contains("as transformers does"));
    said.clear();
    (void)config_json(each.fixture, "{}");
    CHECK(said.empty());
    set_warning_sink({});
  }
}

TEST_CASE("a prefix too many before all names is named, not taken for a broken download") {
  const EditedWeights twice("llama", [](F32Tensors& tensors) {
    F32Tensors renamed;
    for (auto& [name, tensor] : tensors) {
      renamed["model." + name] = tensor;
    }
    tensors = renamed;
  });
  CHECK_THROWS_WITH(load_model(twice.path()),
                    contains("model.embed_tokens.weight is missing, but "
                             "model.model.embed_tokens.weight is there") &&
                        !contains("download"));
}
