// A model changed by a file of interventions, for whoever runs it.
#include "lib/model/gradients.h"
#include "tests/hooks/changed_values.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("a changed model is the model with the edits, for whoever runs it") {
  const TempFolder folder;
  for (const std::string& family : kChangedFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string list =
        R"([{"site": "blocks.0.hook_resid_pre", "op": "scale", "factor": 1.5},
            {"site": "blocks.1.hook_resid_pre", "op": "scale", "factor": 0.5, "positions": [-1]},
            {"site": "blocks.1.attn.hook_z", "heads": [0], "op": "zero"}])";
    const Model changed = changed_by(model, folder, list);
    Edits edits(listed_interventions(list));
    Recorder want{"blocks.1.hook_resid_post"};
    const Tensor logits = model.forward(three_prompts(), edits | want).logits;
    Recorder got{"blocks.1.hook_resid_post"};
    CHECK(identical(changed.forward(three_prompts(), got).logits, logits));
    CHECK(identical(got.at("blocks.1.hook_resid_post"), want.at("blocks.1.hook_resid_post")));
    CHECK(identical(changed.forward(three_prompts()).logits, logits));
    CHECK_NOTHROW(changed.standing()->check_fired());
    // Who goes on from a kept stream cannot know whether it was changed already.
    const Tensor stream = changed.forward(three_prompts(), {.to_layer = 1}).residual;
    CHECK_THROWS_WITH(
        changed.resume({.layout = three_prompts().layout(), .residual = stream, .layer = 1}),
        contains("blocks.1.hook_resid_pre"));
  }
}

TEST_CASE("an intervention that no pass has met is an error naming it") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Model changed = changed_by(model,
                                   folder,
                                   R"([{"site": "blocks.0.attn.hook_z", "op": "zero"},
          {"site": "blocks.0.attn.hook_attn_scores", "op": "bias", "bias": 1, "pairs": [[1, 2]]}])");
  changed.forward(three_prompts());
  CHECK_THROWS_WITH(changed.standing()->check_fired(), contains("intervention 1 (bias of"));
}

TEST_CASE("gradients of a changed model are slopes of its passes") {
  class OneGradient final : public GradientTap {
   public:
    explicit OneGradient(HookPoint point) : point_(point) {}
    [[nodiscard]] bool wants(HookPoint point) const override { return point == point_; }
    void visit(const Visit&, const Tensor&, const Tensor& gradient) override { found = gradient; }
    Tensor found;

   private:
    HookPoint point_;
  };
  const TempFolder folder;
  for (const std::string& family : kChangedFamilies) {
    const Model model = load(huggingface_fixture(family));
    const Model changed =
        changed_by(model,
                   folder,
                   R"([{"site": "blocks.0.hook_resid_pre", "op": "scale", "factor": 1.5},
            {"site": "blocks.1.hook_resid_pre", "op": "scale", "factor": 3},
            {"site": "blocks.1.attn.hook_z", "heads": [0], "op": "zero"}])");
    const Batch batch({{5, 6, 7, 8, 9}});
    const auto objective = [](const Tensor& logits) { return logits.select(1, 3); };
    for (const HookPoint point : {HookPoint{Site::mlp_out, 0},
                                  HookPoint{Site::resid_pre, 1},
                                  HookPoint{Site::resid_pre, 0},
                                  HookPoint{Site::embed, kNoLayer}}) {
      const std::string name = hook_name(point.site, point.layer);
      CAPTURE(family, name);
      OneGradient tap(point);
      const GradientResult result = gradients(changed, batch, objective, tap);
      CHECK(difference(result.logits, changed.forward(batch, {.logits = Logits::last}).logits) <
            1e-5);
      const Tensor step = tap.found / tap.found.norm() * 0.02;
      const auto moved = [&](double sign) {
        Edits edits;
        edits.at(name).add(step[0] * sign);
        return objective(changed.forward(batch, edits, {.logits = Logits::last}).logits)
            .item<double>();
      };
      const double slope = (moved(1) - moved(-1)) / 0.04;
      CHECK(slope == Approx(tap.found.norm().item<double>()).epsilon(0.02));
    }
  }
}
