// The default model itself against transformers on its de-quantised weights.
#include <cstdlib>

#include <fmt/format.h>

#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

namespace fs = std::filesystem;

Tensors smollm2_values() {
  return read_tensors(fs::path(HEADSCOPE_SOURCE_DIR) /
                      "data/fixtures/smollm2/expected.safetensors");
}

}  // namespace

TEST_CASE("SmolLM2 gives the logits, norms and patterns that transformers gives") {
  const fs::path file = cached_model();
  const Tensors expected = smollm2_values();
  const Model model = load_model(file.string());
  Watch watch;
  const Tensor logits =
      model.forward(batch_of({prompt(expected, 0)}), watch, {.logits = Logits::last}).logits[0];
  CHECK(difference(logits, expected.at("logits.last")) <= kTolerance);
  const double probability = at::softmax(logits, -1).max().item<double>();
  CHECK(probability == Approx(expected.at("probability").item<float>()).margin(1e-4));
  CHECK(probability == Approx(0.923).margin(5e-4));

  const Tensor& norms = expected.at("resid_norms");  // [layer + 1, pos]
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    INFO("layer " << layer);
    const Tensor stream = watch.at(Site::resid_pre, layer)[0];
    CHECK(difference(stream.norm(2, {-1}, false), norms[layer]) <= kTolerance);
  }
  CHECK(norms[15][0].item<float>() > 50 * norms[15].slice(0, 1).max().item<float>());
  for (const auto& [layer, head] : {std::pair{3, 0}, std::pair{23, 3}}) {
    const std::string name = fmt::format("blocks.{}.attn.hook_pattern", layer);
    CHECK(difference(watch.at(name)[0][head], expected.at(fmt::format("{}.{}", name, head))) <=
          kTolerance);
  }
}

TEST_CASE("SmolLM2's tokenizer gives the prompt's tokens") {
  const Model model = load_model(cached_model().string());
  const char* text = "When Mary and John went to the store, John gave a drink to";
  CHECK(model.tokenizer().encode(text, PrependBos::no) == prompt(smollm2_values(), 0));
}
