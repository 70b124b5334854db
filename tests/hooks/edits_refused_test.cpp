// Edits that would be silently wrong.
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Batch prompt_batch() {
  return Batch({{5, 6, 7, 8, 9, 10}});
}

// Hands back its value in another dtype.
class OtherDtype final : public Tap {
 public:
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::resid_mid ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override { return value.to(at::kDouble); }
};

}  // namespace

TEST_CASE("an edit that returns another dtype is refused, naming both") {
  const Model model = load(huggingface_fixture("llama"));
  CHECK_THROWS_WITH(
      model.forward(prompt_batch(), OtherDtype{}),
      "blocks.0.hook_resid_mid: an edit returned Double on cpu where the value is Float on cpu");
}

TEST_CASE("heads that read streams of their own leave no shared one to look at or edit") {
  const Model model = load(huggingface_fixture("llama"));
  for (const std::string other : {"blocks.1.ln1.hook_scale", "blocks.1.attn.q.hook_in"}) {
    CAPTURE(other);
    Edits edits;
    edits.at("blocks.1.hook_q_input", {.heads = {{0}}}).scale(2.0);
    Recorder watched{std::vector<std::string>{other}};
    CHECK_THROWS_WITH(model.forward(prompt_batch(), edits | watched),
                      contains("blocks.1.hook_q_input is edited"));
    edits.at(other).scale(2.0);
    CHECK_THROWS_AS(model.forward(prompt_batch(), edits), UsageError);
  }
  Edits edits;
  edits.at("blocks.1.hook_q_input", {.heads = {{0}}}).scale(2.0);
  Recorder elsewhere{"blocks.0.ln1.hook_scale", "blocks.1.attn.v.hook_in"};
  CHECK_NOTHROW(model.forward(prompt_batch(), edits | elsewhere));
}

TEST_CASE("what the final norm shows is the same whether or not anyone wants the logits") {
  const Model model = load(huggingface_fixture("gemma2"));
  const std::vector<std::string> names{"ln_final.hook_scale", "ln_final.hook_normalized"};
  Recorder alone{names};
  Recorder with_logits{{names[0], names[1], "unembed.hook_out"}};
  model.forward(prompt_batch(), alone, {.logits = Logits::none});
  model.forward(prompt_batch(), with_logits);
  for (const std::string& name : names) {
    CHECK(identical(alone.at(name), with_logits.at(name)));
  }
}
