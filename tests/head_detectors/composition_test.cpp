// Composition against whole products, and on a model whose heads are known to compose.
#include "analyses/head_detectors/composition.h"

#include <cmath>

#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/head_weights.h"
#include "lib/base/json.h"
#include "lib/tensor/gaussian.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/head_table.h"
#include "tests/support/induction_model.h"

using namespace headscope;
using namespace headscope::test;

namespace {

double of(const Tensor& a, const Tensor& b) {
  return (at::matmul(a, b).norm() / (a.norm() * b.norm())).item<double>();
}

struct Whole {
  Tensor OV, QK;  // [d_model, d_model]
};

Whole whole(const HeadWeights& w, std::int64_t head) {
  return {at::matmul(w.V[head], w.O[head]), at::matmul(w.Q[head], w.K[head].t())};
}

}  // namespace

TEST_CASE("composition scores are those of whole d_model × d_model products") {
  for (const std::string name : {"gpt2", "gpt_neox", "llama3_gqa_tied", "qwen3", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    const ModelConfig& c = model.config();
    const Tensor shuffle = permutation(c.d_model, 5);
    const Tensor got = composition_scores(model, {.rows_at_once = 7});
    const Tensor control = composition_scores(model, {.shuffle = shuffle, .rows_at_once = 32});
    const HeadGrid heads = head_grid(c);
    for (const HeadId& a : heads.heads()) {
      for (const HeadId& b : heads.heads()) {
        CAPTURE(name, a, b);
        const auto at = [&](const Tensor& scores, int kind) {
          return scores[kind][static_cast<std::int64_t>(heads.index_of(a))]
                       [static_cast<std::int64_t>(heads.index_of(b))]
                           .item<double>();
        };
        if (a.layer >= b.layer) {
          REQUIRE(std::isnan(at(got, 0) + at(got, 1) + at(got, 2)));
          continue;
        }
        const Whole from = whole(head_weights(model, a.layer), a.head);
        const Whole into = whole(head_weights(model, b.layer), b.head);
        CHECK(at(got, 0) == Approx(of(from.OV, into.QK)).epsilon(1e-3));
        CHECK(at(got, 1) == Approx(of(from.OV, into.QK.t())).epsilon(1e-3));
        CHECK(at(got, 2) == Approx(of(from.OV, into.OV)).epsilon(1e-3));
        const Tensor moved = from.OV.index_select(1, shuffle);
        CHECK(at(control, 0) == Approx(of(moved, into.QK)).epsilon(1e-3));
      }
    }
  }
}

TEST_CASE("the induction head reads the previous-token head through its keys alone") {
  for (const std::int64_t n_kv_heads : {kInductionHeads, std::int64_t{2}}) {
    const Model model = induction_model(n_kv_heads);
    const ModelConfig& c = model.config();
    const Tensor scores = composition_scores(model);
    for (std::int64_t a = 0; a < c.n_heads; ++a) {
      for (std::int64_t b = 0; b < c.n_heads; ++b) {
        CAPTURE(n_kv_heads, a, b);
        const bool reads = a == kPreviousTokenHead.head && b >= 2;  // 1.3 looks as 1.2 does
        const double k = scores[1][a][c.n_heads + b].item<double>();
        CHECK(k == Approx(reads ? 1 / std::sqrt(static_cast<double>(c.d_head)) : 0.0).margin(1e-4));
        CHECK(scores[0][a][c.n_heads + b].item<double>() == Approx(0.0).margin(1e-4));
        CHECK(scores[2][a][c.n_heads + b].item<double>() == Approx(0.0).margin(1e-4));
      }
    }
    const Finding found = composition_detector().run({.model = model, .seeds = {0, 1}});
    const double of_head = mean_score(found.scores, c, 0, kPreviousTokenHead.head);
    CHECK(of_head > 0.05);
    CHECK(mean_score(found.scores, c, 0, 2) < 0.0);
    CHECK(mean_score(found.scores, c, 1, 2) == 0.0);
    CHECK(mean_score(found.control, c, 0, kPreviousTokenHead.head) < of_head);
    const OrderedJson& first = found.notes.at("strongest_k_composition").front();
    CHECK(first.at("writes").at("layer") == 0);
    CHECK(first.at("writes").at("head") == 1);
    CHECK(first.at("reads").at("layer") == 1);
  }
}

TEST_CASE("Gaussian heads compose as chance says: 1/√d_model") {
  ModelConfig config;
  config.d_model = 256;
  config.d_head = 16;
  CHECK(random_composition(config, 4, 0) == Approx(1.0 / 16).epsilon(0.05));
}
