// Spans chosen by gradients: the influence against passes that really hide keys, and the choice
// against all choices there are.
#include "analyses/operators/moa_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <ATen/ops/log_softmax.h>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

SpanInfluence drawn_influence(Random& random, std::size_t heads) {
  SpanInfluence influence{.rules = {{0, 0.25}, {0, 0.5}, {0, 0.75}, {0, 1}}};
  influence.density = {0.25, 0.5, 0.75, 1.0};
  for (std::size_t i = 0; i < heads; ++i) {
    std::vector<double> loss;
    for (int rule = 0; rule < 3; ++rule) {
      loss.push_back(static_cast<double>(random.below(1000)) / 1000.0);
    }
    loss.push_back(0.0);
    influence.loss.push_back(loss);
  }
  return influence;
}

double total(const SpanInfluence& influence, const std::vector<std::size_t>& chosen) {
  double sum = 0.0;
  for (std::size_t head = 0; head < chosen.size(); ++head) {
    sum += influence.loss[head][chosen[head]];
  }
  return sum;
}

double density(const SpanInfluence& influence, const std::vector<std::size_t>& chosen) {
  double sum = 0.0;
  for (const std::size_t rule : chosen) {
    sum += influence.density[rule];
  }
  return sum / static_cast<double>(chosen.size());
}

// The smallest loss of all choices that are no denser.
double best_of_all(const SpanInfluence& influence, double budget) {
  double best = std::numeric_limits<double>::infinity();
  const std::size_t heads = influence.loss.size();
  for (std::size_t code = 0; code < (std::size_t{1} << (2 * heads)); ++code) {
    std::vector<std::size_t> chosen;
    for (std::size_t head = 0; head < heads; ++head) {
      chosen.push_back((code >> (2 * head)) & 3U);
    }
    if (density(influence, chosen) <= budget + 1e-12) {
      best = std::min(best, total(influence, chosen));
    }
  }
  return best;
}

// ∂/∂scores and the pattern of every layer: what the softmax's own derivative makes of them.
class ScoresAndPattern final : public GradientTap {
 public:
  [[nodiscard]] bool wants(HookPoint point) const override {
    return point.site == Site::attn_scores || point.site == Site::pattern;
  }
  void visit(const Visit& visit, const Tensor& value, const Tensor& of_value) override {
    if (visit.point.site == Site::pattern) {
      pattern[visit.point.layer] = value.clone();
    } else {
      gradient[visit.point.layer] = of_value.clone();
    }
  }

  std::map<int, Tensor> gradient;
  std::map<int, Tensor> pattern;
};

}  // namespace

TEST_CASE("rules are chosen within the budget, and no choice of as much density is better") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    Random random(seed, "moa");
    const SpanInfluence influence = drawn_influence(random, 4);
    for (const double budget : {0.5, 0.7, 1.0}) {  // below, one choice is left
      const std::vector<std::size_t> chosen = chosen_rules(influence, budget);
      const double used = density(influence, chosen);
      CHECK(used <= budget + 1e-12);
      // Where the last step of the hulls fits, greedy is the best there is; else it may fall short
      // by less than one head's span.
      CHECK(total(influence, chosen) <= best_of_all(influence, budget - 0.75 / 4.0 + 1e-9));
    }
    CHECK(total(influence, chosen_rules(influence, 1.0)) == 0.0);
  }
  Random random(0, "moa");
  CHECK_THROWS_WITH(chosen_rules(drawn_influence(random, 2), 0.1), contains("budget of 0.1"));
}

TEST_CASE("the influence of a span is the scores' gradient where it hides keys") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  Random random(2, "influence");
  std::vector<Prompt> texts{{.id = "0", .text = {}, .tokens = {}, .spans = {}}};
  for (int i = 0; i < 24; ++i) {
    texts[0].tokens.push_back(static_cast<std::int32_t>(3 + random.below(40)));
  }
  const MoaOptions options{.sink = 1, .alphas = {0.0}, .betas = {0.5, 0.875, 1.0}};
  const SpanInfluence influence = span_influence(model, texts, options);
  REQUIRE(influence.rules.size() == 3);
  ScoresAndPattern seen;
  gradients(
      model,
      Batch({texts[0].tokens}),
      [&](const Tensor& logits) {
        const std::vector<std::int64_t> after(texts[0].tokens.begin() + 1, texts[0].tokens.end());
        const Tensor next = at::tensor(after, at::kLong).view({1, -1, 1});
        const Tensor log_probs = at::log_softmax(logits, -1).narrow(1, 0, next.size(1));
        return -log_probs.gather(2, next).sum({1, 2});
      },
      seen,
      {},
      Logits::all);
  for (std::size_t head = 0; head < influence.loss.size(); ++head) {
    CAPTURE(head);
    CHECK(influence.loss[head][2] == 0.0);
    const int layer = static_cast<int>(head / 2);
    for (std::size_t rule = 0; rule < 2; ++rule) {
      double want = 0.0;
      for (std::int64_t i = 0; i < 24; ++i) {
        const double span = std::floor(influence.rules[rule].beta * static_cast<double>(i + 1));
        for (std::int64_t j = 1; j <= i; ++j) {
          for (std::size_t shared = 0; shared < 2; ++shared) {
            if (static_cast<double>(i - j) >= std::max(1.0, span)) {
              const auto at_pair = [&](const Tensor& x) {
                return x[0][static_cast<std::int64_t>(2 * (head % 2) + shared)][i][j]
                    .item<double>();
              };
              want -= at_pair(seen.gradient[layer]) / (1.0 - at_pair(seen.pattern[layer]));
            }
          }
        }
      }
      CHECK(influence.loss[head][rule] == Approx(want / 23.0).epsilon(1e-3).margin(1e-6));
    }
  }
  CHECK(influence.density[2] == 1.0);
  CHECK(influence.density[0] < influence.density[1]);
}

TEST_CASE("a plan of spans leaves as much as its budget") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const std::vector<Prompt> texts{{.id = "0",
                                   .text = {},
                                   .tokens = {5, 9, 7, 3, 8, 6, 4, 11, 12, 10, 2, 13, 9, 4, 7, 6},
                                   .spans = {}}};
  const AttentionPlan plan = moa_plan(model, texts, 0.6, {.sink = 1});
  for (const AttentionPlan::Part& part : plan.parts()) {
    CHECK(part.choice.kind->name == "span");
    CHECK(part.heads.size() % 2 == 0);
  }
  CHECK_THROWS_WITH(moa_plan(model, {}, 0.5), contains("of texts"));
}
