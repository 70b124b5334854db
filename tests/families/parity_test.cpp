// Every family against Hugging Face transformers, value by value (hooked_transformer against a
// forward pass written out in numpy).
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

void check_logits(const Model& model, const Tensors& expected) {
  for (const int n : {0, 1}) {
    const std::string key = "logits." + std::to_string(n);
    INFO(key);
    const Tensor logits = model.forward(batch_of({prompt(expected, n)})).logits;
    CHECK(difference(logits, expected.at(key)) <= kTolerance);
  }
}

void check_hooks(const Model& model, const Tensors& expected) {
  Watch watch;
  (void)model.forward(batch_of({prompt(expected, 0)}), watch);
  int checked = 0;
  for (const auto& [name, want] : expected) {
    if (is_hook(name)) {
      INFO(name);
      CHECK(difference(watch.at(name), want) <= kTolerance);
      ++checked;
    }
  }
  const ModelConfig& c = model.config();
  CHECK(checked >= (c.norm == Norm::none || !has_mlp(c) ? 11 : 20) * c.n_layers);
}

}  // namespace

TEST_CASE("a model from a Hugging Face directory gives transformers' logits and hook values") {
  std::vector<FixtureModel> fixtures = all_fixtures();
  fixtures.push_back(huggingface_fixture("hooked_bidirectional"));  // has no cache for other tests
  for (const FixtureModel& fixture : fixtures) {
    DYNAMIC_SECTION(fixture.name) {
      const Model model = load(fixture);
      const Tensors expected = read_tensors(fixture.expected);
      check_logits(model, expected);
      check_hooks(model, expected);
    }
  }
}

TEST_CASE("a model from a GGUF file gives transformers' logits") {
  for (const FixtureModel& fixture : gguf_fixtures()) {
    DYNAMIC_SECTION(fixture.name) {
      Tensors expected = read_tensors(fixture.expected);
      const Model model = load(fixture);
      if (!expected.contains("tokens.0")) {  // the q8_0 files share the prompts of the full model
        const std::string name = fixture.name.substr(0, fixture.name.rfind('-'));
        expected.merge(read_tensors(huggingface_fixture(name).expected));
      }
      check_logits(model, expected);
      if (fixture.name.find("-f32") != std::string::npos) {
        check_hooks(model, expected);
      }
    }
  }
}

TEST_CASE("a comparison sees what it should") {
  const Tensors expected = read_tensors(huggingface_fixture("gemma2").expected);
  const Tensor& scores = expected.at("blocks.1.attn.hook_attn_scores");
  CHECK(difference(scores, scores) == 0);
  CHECK(difference(scores, expected.at("blocks.0.attn.hook_attn_scores")) > 1);  // other masks too
  CHECK(difference(scores, expected.at("blocks.1.attn.hook_z")) > 1);            // other shape
  CHECK(difference(scores * 1.001, scores) > 5e-4);
  CHECK(difference(scores, scores.nan_to_num()) > 1);
}
