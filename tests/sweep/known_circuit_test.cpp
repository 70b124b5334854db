// Sweeps of a model whose circuit is known: they must find its two heads, with the effects worked
// out by hand, and no others.
#include "analyses/ablation/ablation.h"
#include "analyses/path_patching/path_runner.h"
#include "analyses/sweep/sweep.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/sweep/known_effects.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::int64_t> kLengths{12, 12, 13};  // the last makes padding
const OtherRun kKnownCircuitFromClean(Run::clean);
const OtherRun kKnownCircuitFromCorrupted(Run::corrupted);
const Zero kZero;

std::vector<Model> models() {  // each head with keys of its own, and heads that share them
  return {induction_model(kInductionHeads), induction_model(2)};
}

// The KV head that a head reads.
HeadId kv_of(const Model& model, const HeadId& head) {
  return {head.layer, head.head / model.config().heads_per_kv()};
}

}  // namespace

TEST_CASE("the hand-written model predicts what followed the earlier copy, by a wide margin") {
  for (const Model& model : models()) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      std::vector<TokenId> tokens = induction_task(seed, {11}).items[0].clean.tokens;
      tokens.pop_back();  // 0 and random tokens, all different; then the same again
      tokens.insert(tokens.end(), tokens.begin() + 1, tokens.end());
      const Tensor logits = model.forward(Batch({tokens})).logits[0];
      for (std::size_t t = 10; t + 1 < tokens.size(); ++t) {
        for (TokenId id = 0; id < kInductionVocab; ++id) {
          const double want = id == tokens[t + 1] ? kInductionLogit : 0.0;
          CAPTURE(t, id);
          CHECK(logits[static_cast<long>(t)][id].item().toDouble() == Approx(want).margin(1e-3));
        }
      }
    }
  }
}

TEST_CASE("patching z finds the two heads, each alone restoring the whole answer") {
  const Task task = induction_task(1, kLengths);
  for (const Model& model : models()) {
    const auto expected = [](const Cell& cell) {
      return is(cell, kPreviousTokenHead) || is(cell, kInductionHead) ? 1.0 : 0.0;
    };
    check_effects(model, task, {.source = &kKnownCircuitFromClean}, expected);
    check_effects(
        model, task, {.into = Run::clean, .source = &kKnownCircuitFromCorrupted}, expected);
  }
}

TEST_CASE("patching position by position finds where each head does its work") {
  const Task task = induction_task(2, {12, 12});
  // One of the two places patched alone: the induction head finds two matches, or none, and answers
  // both or neither.
  const auto half_at = [](const HeadId& head, std::int64_t moved) {
    return [head, moved](const Cell& cell) {
      const bool place = cell.pos == kFirstPlace + moved || cell.pos == kSecondPlace + moved;
      return is(cell, head) && place ? 0.5 : 0.0;
    };
  };
  const auto at_end = [](const Cell& cell) {
    return is(cell, kInductionHead) && cell.pos == 11 ? 1.0 : 0.0;
  };
  for (const Model& model : models()) {
    const auto patch = [&](Site site, const std::function<double(const Cell&)>& expected) {
      check_effects(model,
                    task,
                    {.parts = {{site}}, .over_positions = true, .source = &kKnownCircuitFromClean},
                    expected);
    };
    const auto written = half_at(kPreviousTokenHead, 1);
    patch(Site::z, [&](const Cell& cell) { return written(cell) + at_end(cell); });
    patch(Site::pattern, at_end);
    patch(Site::v, half_at(kv_of(model, kPreviousTokenHead), 0));
    patch(Site::k, half_at(kv_of(model, kInductionHead), 1));
  }
}

TEST_CASE("patching the stream follows the answer from the tokens to the end") {
  const Task task = induction_task(3, {12, 12});
  const SweepSpec spec{.parts = {{Site::resid_pre, false}},
                       .over_positions = true,
                       .source = &kKnownCircuitFromClean};
  check_effects(induction_model(), task, spec, [](const Cell& cell) {
    // Layer 0 reads the tokens there; layer 1 what the previous-token head wrote one place on.
    const std::int64_t moved = cell.layer;
    return cell.pos == kFirstPlace + moved || cell.pos == kSecondPlace + moved ? 0.5 : 0.0;
  });
}

TEST_CASE("patching q, k, v and the pattern tells what each head's work depends on") {
  const Task task = induction_task(4, kLengths);
  for (const Model& model : models()) {
    const HeadId by_value = kv_of(model, kPreviousTokenHead);
    const HeadId by_key = kv_of(model, kInductionHead);
    const auto patch = [&](Site site, const std::function<bool(const Cell&)>& works) {
      check_effects(model,
                    task,
                    {.parts = {{site}}, .source = &kKnownCircuitFromClean},
                    [&](const Cell& cell) { return works(cell) ? 1.0 : 0.0; });
    };
    // The last token is the same in both runs: so are its queries. The previous-token head's keys
    // are positions; the induction head's values are the tokens behind A and C, the same in both.
    patch(Site::q, [](const Cell&) { return false; });
    patch(Site::k, [&](const Cell& cell) { return is(cell, by_key); });
    patch(Site::v, [&](const Cell& cell) { return is(cell, by_value); });
    patch(Site::pattern, [](const Cell& cell) { return is(cell, kInductionHead); });
  }
}

TEST_CASE("ablating either head leaves neither answer; resampling gives the other one") {
  const Task task = induction_task(5, kLengths);
  for (const Model& model : models()) {
    const auto both_heads = [](double effect) {
      return [effect](const Cell& cell) {
        return is(cell, kPreviousTokenHead) || is(cell, kInductionHead) ? effect : 0.0;
      };
    };
    // Without its keys the induction head attends to all alike; with the mean of both, to both
    // places. Either way B and D get as much, half way between the runs.
    check_effects(model, task, {.into = Run::clean, .source = &kZero}, both_heads(0.5));
    const GroupMean mean(model, task.items, Run::clean, {Site::z});
    check_effects(model, task, {.into = Run::clean, .source = &mean}, both_heads(0.5));
    const Resample other(model, task.items, Run::clean, {Site::z}, 3);  // the swapped twin
    check_effects(model, task, {.into = Run::clean, .source = &other}, both_heads(1.0));
  }
}

TEST_CASE("the path from the previous-token head into the induction head's key carries it all") {
  const Task task = induction_task(6, kLengths);
  const auto check_path =
      [&](const Model& model, const std::string& receiver, const HeadId& sender) {
        CAPTURE(receiver);
        const Paths paths(
            {.receivers = {parse_receiver(receiver, model.config())}}, task.items, model.config());
        const SweepSpec spec{.parts = {{Site::z, true}, {Site::mlp_out, false}},
                             .into = Run::clean,
                             .source = &kKnownCircuitFromCorrupted,
                             .runner = &paths};
        check_effects(
            model, task, spec, [&](const Cell& cell) { return is(cell, sender) ? 1.0 : 0.0; });
      };
  const HeadId nobody{-1, -1};
  for (const Model& model : models()) {
    check_path(model, "1.2:k", kPreviousTokenHead);
    check_path(model, "1.2:q", nobody);
    check_path(model, "1.2:v", nobody);
    check_path(model, "1.3:k", nobody);  // where keys are shared, only one head's view changes
    check_path(model, "0:resid_post", kPreviousTokenHead);
    check_path(model, "logits", kInductionHead);
  }
}
