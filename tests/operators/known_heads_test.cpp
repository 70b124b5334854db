// Heads whose job is known lose it under operators that take away what it needs, and no other.
#include <algorithm>

#include "analyses/operators/plan_method.h"
#include "analyses/operators/razor_scores.h"
#include "lib/model/attention_plan.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/induction_model.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// "A B C D A": B follows, by the previous-token head and the induction head.
const std::vector<std::int32_t> kRepeated{0, 5, 9, 7, 12, 3, 5};
constexpr std::int64_t kAnswer = 9;

double answer_under(const char* choice, HeadId head) {
  const Model model = induction_model();
  const std::vector<AttentionPlan::Part> parts{{parse_operator(choice), {head}}};
  const Model changed =
      with_attention(model, std::make_shared<AttentionPlan>(parts, model.config()));
  return changed.forward(Batch({kRepeated}), {.logits = Logits::last})
      .logits[0][kAnswer]
      .item<double>();
}

}  // namespace

TEST_CASE("an induction head needs the far key, a previous-token head the near one") {
  CHECK(answer_under("top-k:k=1", kInductionHead) > 0.9 * kInductionLogit);
  CHECK(answer_under("window:local=3", kInductionHead) < 0.1 * kInductionLogit);
  CHECK(answer_under("window:local=6", kInductionHead) > 0.9 * kInductionLogit);
  CHECK(answer_under("streaming:sink=1,local=2", kInductionHead) < 0.1 * kInductionLogit);
  CHECK(answer_under("streaming:sink=3,local=2", kInductionHead) > 0.9 * kInductionLogit);
  CHECK(answer_under("block-oracle:block=2,keep=2", kInductionHead) > 0.9 * kInductionLogit);
  CHECK(answer_under("window:local=2", kPreviousTokenHead) > 0.9 * kInductionLogit);
  CHECK(answer_under("window:local=1", kPreviousTokenHead) < 0.1 * kInductionLogit);
  CHECK(answer_under("dilated:keys=2,stride=2", kPreviousTokenHead) < 0.1 * kInductionLogit);
}

TEST_CASE("razor's scores find the induction head, and its plan keeps it") {
  const Model model = induction_model(kInductionHeads, 64);
  const RazorScores scores = razor_scores(model, {.tokens = 12, .rounds = 4});
  CHECK(ranked_heads(scores.induction).front() == kInductionHead);
  CHECK(scores.induction[kInductionHead] > 0.5);
  CHECK(scores.echo[kInductionHead] < 0.2);
  const PlanMethod& razor = all_plan_methods()[2];
  REQUIRE(razor.name == "razor");
  const std::vector<HeadId> kept = heads_kept(model, razor, {.budget = 0.25, .razor_tokens = 12});
  CHECK(kept.size() == 2);
  CHECK(std::find(kept.begin(), kept.end(), kInductionHead) != kept.end());
}
