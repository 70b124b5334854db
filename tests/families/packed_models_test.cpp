// Models whose weights stay packed, against the same ones unpacked.
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/families/packed_weights.h"
#include "lib/families/parameters.h"
#include "lib/families/random_directory.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "lib/tensor/packed.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr double kSame = 1e-5;  // rounding of sums in another order

Model packed(const std::string& name) {
  return load_model(name, {.weights = WeightStorage::packed});
}

// Logits of a prompt and of one more token behind it, and every value that is watched.
void check_same(const Model& got, const Model& want, const std::vector<std::int32_t>& tokens) {
  Watch seen;
  Watch expected;
  const Batch batch = batch_of({tokens});
  CHECK(difference(got.forward(batch, seen).logits, want.forward(batch, expected).logits) < kSame);
  for (const char* hook : {"blocks.0.attn.hook_q",
                           "blocks.0.attn.hook_z",
                           "blocks.1.hook_attn_out",
                           "blocks.1.hook_resid_post"}) {
    INFO(hook);
    CHECK(difference(seen.at(hook), expected.at(hook)) < kSame);
  }
}

// The gradient of the largest logit with respect to every z.
class GradientOfZ final : public GradientTap {
 public:
  [[nodiscard]] bool wants(HookPoint point) const override { return point.site == Site::z; }
  void visit(const Visit&, const Tensor&, const Tensor& gradient) override {
    gradients.push_back(gradient.clone());
  }
  std::vector<Tensor> gradients;
};

std::vector<Tensor> gradients_of(const Model& model, const std::vector<std::int32_t>& tokens) {
  GradientOfZ tap;
  (void)gradients(
      model, batch_of({tokens}), [](const Tensor& logits) { return logits.select(-1, 3); }, tap);
  return tap.gradients;
}

}  // namespace

TEST_CASE("a packed GGUF model gives the values of the unpacked one") {
  int models = 0;
  for (const FixtureModel& fixture : gguf_fixtures()) {
    const Model model = packed(fixture.path.string());
    if (!holds_packed(model.weights())) {
      CHECK(fixture.name.find("q8_0") == std::string::npos);
      continue;
    }
    ++models;
    DYNAMIC_SECTION(fixture.name) {
      const Model plain = load(fixture);
      CHECK(!holds_packed(plain.weights()));
      check_same(model, plain, {1, 5, 3, 7, 2});
      CHECK(difference(model.W_O(1), plain.W_O(1)) == 0);
      CHECK(difference(model.W_V(0), plain.W_V(0)) == 0);
      const auto got = gradients_of(model, {1, 5, 3, 7});
      const auto want = gradients_of(plain, {1, 5, 3, 7});
      REQUIRE(got.size() == static_cast<std::size_t>(plain.config().n_layers));
      for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(difference(got[i], want[i]) < kSame);
      }
    }
  }
  CHECK(models >= 2);
}

TEST_CASE("bf16 directories stay packed where their rows are ours") {
  for (const char* name :
       {"llama3_gqa_tied", "falcon_40b", "gpt_neox", "mixtral", "gpt_oss", "opt_350m", "gpt2"}) {
    DYNAMIC_SECTION(name) {
      const TempFolder folder;
      write_random_directory(folder.file("m"),
                             {.config = read_json(huggingface_fixture(name).path / "config.json"),
                              .dtype = DType::bf16,
                              .seed = 5});
      const std::string path = folder.file("m").string();
      const Model plain = load_model(path);
      const Model model = packed(path);
      CHECK(holds_packed(model.weights()));
      check_same(model, plain, {1, 5, 3, 7, 2});
      std::int64_t bytes = 0;
      Weights same = model.weights();
      for_each_tensor(same, [&](Tensor& tensor) {
        const bool counted = &tensor == &same.W_U && tensor.is_same(same.W_E);
        bytes += counted ? 0 : stored_bytes(tensor);
      });
      CHECK(bytes < weight_bytes(plain.config(), DType::f32));
      if (std::string(name) != "opt_350m") {  // whose narrow embeddings are widened when loaded
        CHECK(packed_weight_bytes(path) <= bytes);
      }
    }
  }
}

TEST_CASE(
    "packed weights are refused where nothing computes with them, and told of in provenance") {
  const TempFolder folder;
  write_random_directory(folder.file("m"),
                         {.config = read_json(huggingface_fixture("llama").path / "config.json"),
                          .dtype = DType::bf16});
  const std::string path = folder.file("m").string();
  CHECK_THROWS_AS(load_model(path, {.dtype = DType::bf16, .weights = WeightStorage::packed}),
                  UsageError);
  CHECK_THROWS_AS(load_model(path, {.random_seed = 1, .weights = WeightStorage::packed}),
                  UsageError);
  CHECK(provenance(packed(path), {})["identity"]["weights"] == "packed");
  CHECK(!provenance(load_model(path), {})["identity"].contains("weights"));
  CHECK_THROWS_AS(parse_weight_storage("q4"), UsageError);
}

TEST_CASE(
    "SmolLM2's logits are those of its unpacked weights, in less than a fifth of their memory") {
  const std::string path = cached_model().string();
  const Model model = packed(path);
  const Model plain = load_model(path);
  const std::vector<std::int32_t> tokens{1, 504, 3575, 282, 4649, 314};
  check_same(model, plain, tokens);
  const ModelSummary summary = summarize_model(path);
  CHECK(5 * packed_weight_bytes(path) < weight_bytes(summary.config, DType::f32));
}
