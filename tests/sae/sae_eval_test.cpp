// Metrics, against plain loops.
#include "analyses/sae/sae_eval.h"

#include <cmath>
#include <functional>

#include <ATen/ops/log_softmax.h>
#include <ATen/ops/randn.h>

#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Sae evaluated_sae(std::int64_t width, std::int64_t features, const std::string& hook) {
  SaeConfig config;
  config.arch = SaeArch::topk;
  config.d_in = width;
  config.d_sae = features;
  config.d_out = width;
  config.k = 3;
  config.hook = hook;
  SaeWeights weights;
  weights.W_enc = at::randn({width, features}) * 0.3;
  weights.W_dec = at::randn({features, width}) * 0.1;
  weights.b_enc = at::randn({features}) * 0.1;
  weights.b_dec = at::randn({width}) * 0.1;
  return Sae(config, weights, "test");
}

// Replaces a hook point's values by what a function makes of their rows.
class SaeReplace final : public Tap {
 public:
  SaeReplace(HookPoint point, std::function<Tensor(const Tensor&)> by)
      : point_(point), by_(std::move(by)) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point == point_ ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override { return by_(value); }

 private:
  HookPoint point_;
  std::function<Tensor(const Tensor&)> by_;
};

}  // namespace

TEST_CASE("L0, FVU, explained variance and dead features are those of plain loops") {
  const Sae sae = evaluated_sae(6, 50, "");
  const Tensor x = at::randn({40, 6}) * 0.5 + 30.0;  // far from 0: x̄ must be taken off
  SaeMeasure measure(sae);
  measure.add(x.narrow(0, 0, 7), x.narrow(0, 0, 7));
  measure.add(x.narrow(0, 7, 33), x.narrow(0, 7, 33));
  const SaeReconstruction got = measure.result();
  const Tensor codes = sae.encode(x).dense();
  const Tensor out = sae.decode(sae.encode(x));
  double error = 0.0, variance = 0.0, active = 0.0;
  std::int64_t dead = 0;
  for (std::int64_t d = 0; d < 6; ++d) {
    double mean = 0.0;
    for (std::int64_t n = 0; n < 40; ++n) {
      mean += x[n][d].item<double>() / 40.0;
    }
    for (std::int64_t n = 0; n < 40; ++n) {
      error += std::pow(x[n][d].item<double>() - out[n][d].item<double>(), 2);
      variance += std::pow(x[n][d].item<double>() - mean, 2);
    }
  }
  for (std::int64_t f = 0; f < 50; ++f) {
    const double fired = (codes.select(1, f) != 0).sum().item<double>();
    active += fired;
    dead += fired == 0 ? 1 : 0;
  }
  CHECK(got.rows == 40);
  CHECK(got.l0 == Approx(active / 40.0));
  CHECK(got.fvu == Approx(error / variance).epsilon(1e-6));
  CHECK(got.explained_variance == Approx(1.0 - error / variance).epsilon(1e-6));
  CHECK(got.dead == dead);
  CHECK(dead > 0);
}

TEST_CASE("loss and KL recovered are those of runs with the site replaced") {
  const Model model = load(huggingface_fixture("llama"));
  const std::string hook = "blocks.1.attn.hook_z";
  const std::vector<Prompt> prompts{
      {.id = "0", .text = "", .tokens = {5, 80, 31, 7}, .spans = {}},
      {.id = "1", .text = "", .tokens = {9, 14, 3, 77, 21, 60}, .spans = {}}};
  const std::int64_t width = model.config().n_heads * model.config().d_head;
  const Sae sae = evaluated_sae(width, 64, hook);
  double clean = 0, zero = 0, spliced = 0, kl_zero = 0, kl_sae = 0, predicted = 0, positions = 0;
  for (const Prompt& prompt : prompts) {
    const Batch batch({prompt.tokens});
    const auto run = [&](const std::function<Tensor(const Tensor&)>& by) {
      return at::log_softmax(model.forward(batch, SaeReplace({Site::z, 1}, by)).logits, -1)[0].to(
          at::kDouble);
    };
    const Tensor own = run([](const Tensor& z) { return z; });
    const Tensor none = run([](const Tensor& z) { return at::zeros_like(z); });
    const Tensor by_sae = run([&](const Tensor& z) {
      return sae.reconstruct(z.reshape({-1, width})).reshape(z.sizes());
    });
    for (std::size_t t = 0; t < prompt.tokens.size(); ++t) {
      const auto at = static_cast<std::int64_t>(t);
      positions += 1;
      kl_zero += (own[at].exp() * (own[at] - none[at])).sum().item<double>();
      kl_sae += (own[at].exp() * (own[at] - by_sae[at])).sum().item<double>();
      if (t + 1 < prompt.tokens.size()) {
        const std::int64_t next = prompt.tokens[t + 1];
        predicted += 1;
        clean -= own[at][next].item<double>();
        zero -= none[at][next].item<double>();
        spliced -= by_sae[at][next].item<double>();
      }
    }
  }
  const SaeSplice got = evaluate_sae(sae, model, prompts, {}).splice;
  CHECK(got.predicted == 8);
  CHECK(got.ce_clean == Approx(clean / predicted).epsilon(1e-5));
  CHECK(got.ce_zero == Approx(zero / predicted).epsilon(1e-5));
  CHECK(got.ce_sae == Approx(spliced / predicted).epsilon(1e-5));
  CHECK(got.loss_recovered == Approx((zero - spliced) / (zero - clean)).epsilon(1e-3));
  CHECK(got.kl_zero == Approx(kl_zero / positions).epsilon(1e-4));
  CHECK(got.kl_recovered == Approx((kl_zero - kl_sae) / kl_zero).epsilon(1e-3));
}

TEST_CASE("an SAE of another width or of no hook point is refused") {
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<Prompt> prompts{{.id = "0", .text = "", .tokens = {5, 80, 31}, .spans = {}}};
  CHECK_THROWS_WITH(evaluate_sae(evaluated_sae(5, 9, "blocks.1.attn.hook_z"), model, prompts, {}),
                    contains("d_in is 5"));
  CHECK_THROWS_AS(evaluate_sae(evaluated_sae(5, 9, ""), model, prompts, {}), UsageError);
  CHECK_THROWS_AS(evaluate_sae(evaluated_sae(5, 9, "blocks.99.attn.hook_z"), model, prompts, {}),
                  UsageError);
}
