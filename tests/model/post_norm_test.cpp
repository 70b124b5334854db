// What lies between attention and the stream, against the pass and against its formula.
#include "lib/model/post_norm.h"

#include "hooks/recorder.h"
#include "lib/model/norm.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("the norm after attention uses the model's own epsilon, in the pass and outside of it") {
  const Model gemma = load(huggingface_fixture("gemma2"));
  for (const double eps : {1e-6, 0.25}) {
    CAPTURE(eps);
    const Model model =
        altered(gemma, [&](ModelConfig& config, Weights&) { config.norm_eps = eps; });
    Recorder seen{"blocks.*.hook_attn_out", "blocks.*.attn.hook_out"};
    model.forward(Batch({{5, 6, 7, 8}}), seen);
    for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
      const int at = static_cast<int>(layer);
      const Tensor raw = seen.at(hook_name(Site::attn_raw_out, at));
      const Tensor out = seen.at(hook_name(Site::attn_out, at));
      const Tensor gain = post_attention_norm(model, layer)->gain;
      const Tensor want = raw * (raw.square().mean(-1, true) + eps).rsqrt() * gain;
      CHECK(difference(out, want) < 1e-5);
      CHECK(difference(after_attention_norm(model, layer, raw), want) < 1e-5);
    }
  }
}
