// Copying and copy suppression on a model whose heads do one or the other by construction.
#include "analyses/head_detectors/detectors.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/head_table.h"
#include "tests/support/induction_model.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// The induction model; where `sign` is −1 its induction head writes the opposite.
Model signed_induction(double sign, std::int64_t n_kv_heads) {
  return altered(induction_model(n_kv_heads), [&](ModelConfig& c, Weights& weights) {
    Tensor& W_O = weights.blocks[1].W_O;
    W_O = W_O.clone();
    W_O.narrow(1, kInductionHead.head * c.d_head, c.d_head).mul_(sign);
  });
}

}  // namespace

TEST_CASE("copying and suppressing heads are told by the sign of what they write") {
  for (const std::int64_t n_kv_heads : {kInductionHeads, std::int64_t{2}}) {
    for (const double sign : {1.0, -1.0}) {
      CAPTURE(n_kv_heads, sign);
      const Model model = signed_induction(sign, n_kv_heads);
      const ModelConfig& c = model.config();
      const Finding eigenvalues = copying_detector().run({.model = model, .seeds = {0}});
      const Finding top = copying_score_detector().run({.model = model, .seeds = {0, 1}});
      const Finding lowest = copy_suppression_detector().run({.model = model, .seeds = {0}});
      CHECK(top.scores.samples == 2 * kInductionVocab);
      for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
        for (std::int64_t head = 0; head < c.n_heads; ++head) {
          CAPTURE(layer, head);
          const bool ours = layer == kInductionHead.layer && head == kInductionHead.head;
          CHECK(mean_score(eigenvalues.scores, c, layer, head) ==
                Approx(ours ? sign : 0.0).margin(1e-3));
          CHECK(mean_score(top.scores, c, layer, head) == (ours && sign > 0 ? 1.0 : 0.0));
          CHECK(mean_score(lowest.scores, c, layer, head) == (ours && sign < 0 ? 1.0 : 0.0));
          CHECK(mean_score(top.control, c, layer, head) == 0.0);
          CHECK(mean_score(lowest.control, c, layer, head) == 0.0);
        }
      }
    }
  }
}

TEST_CASE("a stopped detector returns the samples it has") {
  const Model model = induction_model();
  int asked = 0;
  const auto second_seed = [&asked] { return ++asked > 2; };  // two layers: one seed
  const Finding found =
      copying_score_detector().run({.model = model, .seeds = {0, 1}, .stop = second_seed});
  CHECK(found.scores.samples == kInductionVocab);
  CHECK(copy_suppression_detector()
            .run({.model = model, .seeds = {0}, .stop = [] { return true; }})
            .scores.samples == 0);
}
