// Analyses of a changed model against the same written out with hooks: none of their shortcuts may
// forget the change.
#include <cmath>
#include <fstream>

#include "analyses/attribution/attribution.h"
#include "analyses/head_detectors/text_loss.h"
#include "analyses/logit_attribution/logit_attribution.h"
#include "analyses/path_patching/path_runner.h"
#include "analyses/sweep/sweep.h"
#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/beyond_context.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::string> kStandingFamilies{
    "gpt2", "gpt_neox", "llama_linear_mqa", "llama3_gqa_tied", "gemma2"};

// Inside the layers that are swept: a shortcut that forms attention itself would miss each.
constexpr const char* kInsideAttention =
    R"([{"site": "blocks.*.attn.hook_v", "op": "scale", "factor": -1.5},
        {"site": "blocks.1.attn.hook_attn_scores", "op": "bias", "bias": 2, "pairs": [[-1, -3]]},
        {"site": "blocks.0.hook_mlp_out", "op": "scale", "factor": 0.25}])";

Model standing(const Model& model, const std::string& list) {
  const TempFolder folder;
  std::ofstream(folder.file("e.json")) << R"({"version": 1, "interventions": )" << list << "}";
  return intervened(model, folder.file("e.json"));
}

Edits edits_of(const std::string& list) {
  return Edits(interventions_from_json(
      Json::parse(R"({"version": 1, "interventions": )" + list + "}"), "e.json"));
}

Task task_for_change(const Model& model) {
  return random_task({.d_vocab = model.config().d_vocab});
}

double logit_diff_in(const Tensor& last, const TaskItem& item) {
  double answers = 0.0;
  for (const TokenId id : item.answers) {
    answers += last[id].item<double>();
  }
  return answers / static_cast<double>(item.answers.size()) - last[item.wrong[0]].item<double>();
}

Tensor recorded(const Model& model,
                const std::vector<TokenId>& tokens,
                const std::string& list,
                const std::string& name) {
  Edits edits = edits_of(list);
  Recorder seen(std::vector<std::string>{name});
  model.forward(Batch({tokens}), edits | seen);
  return seen.at(name)[0];
}

}  // namespace

TEST_CASE("a sweep of a changed model patches between its changed runs") {
  for (const std::string& family : kStandingFamilies) {
    const Model model = load(huggingface_fixture(family));
    const Task task = task_for_change(model);
    const OtherRun source(Run::clean);
    const SweepSpec spec{
        .into = Run::corrupted, .source = &source, .metric = &find_metric("logit_diff")};
    SweepTable table(grid_of(model, task, spec).size(), 3);
    REQUIRE(run_sweep(standing(model, kInsideAttention), task, spec, {.memory = 1 << 30}, table));
    const TaskItem& item = task.items[1];
    for (const int layer : {0, 1}) {
      CAPTURE(family, layer);
      const std::string z = hook_name(Site::z, layer);
      const Tensor clean = recorded(model, item.clean.tokens, kInsideAttention, z);
      Edits change = edits_of(kInsideAttention);
      Edits patch;
      patch.at(z, {.heads = {{1}}}).replace(clean);
      const Tensor logits =
          model.forward(Batch({item.corrupted.tokens}), change | patch, {.logits = Logits::last})
              .logits[0];
      const double got = table.value(layer * model.config().n_heads + 1, 1);
      CHECK(got == Approx(logit_diff_in(logits, item)).margin(1e-5));
    }
    Edits change = edits_of(kInsideAttention);
    const Tensor corrupted =
        model.forward(Batch({item.corrupted.tokens}), change, {.logits = Logits::last}).logits[0];
    CHECK(table.corrupted()[1] == Approx(logit_diff_in(corrupted, item)).margin(1e-5));
  }
}

TEST_CASE("attribution of a changed model is its gradient times its difference") {
  class ZGradient final : public GradientTap {
   public:
    [[nodiscard]] bool wants(HookPoint point) const override {
      return point == HookPoint{Site::z, 1};
    }
    void visit(const Visit&, const Tensor& value, const Tensor& gradient) override {
      z = value;
      found = gradient;
    }
    Tensor z;
    Tensor found;
  };
  for (const std::string& family : kStandingFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const Model changed = standing(model, kInsideAttention);
    const Task task = task_for_change(model);
    const OtherRun source(Run::clean);
    const SweepSpec spec{
        .into = Run::corrupted, .source = &source, .metric = &find_metric("logit_diff")};
    SweepTable table(grid_of(model, task, spec).size(), 3);
    REQUIRE(run_attribution(changed, task, spec, {}, {.memory = 1 << 30}, table));
    const TaskItem& item = task.items[2];
    ZGradient tap;
    gradients(
        changed,
        Batch({item.corrupted.tokens}),
        [&](const Tensor& logits) {
          return (logits.select(1, item.answers[0]) + logits.select(1, item.answers[1])) / 2 -
                 logits.select(1, item.wrong[0]);
        },
        tap);
    const Tensor clean =
        recorded(model, item.clean.tokens, kInsideAttention, "blocks.1.attn.hook_z");
    const Tensor effect = ((clean - tap.z[0]) * tap.found[0]).select(1, 1).sum();
    CHECK(table.value(model.config().n_heads + 1, 2) - table.corrupted()[2] ==
          Approx(effect.item<double>()).margin(1e-5));
  }
}

TEST_CASE("direct logit attribution of a changed model sums to its logits, or says why it cannot") {
  for (const std::string& family : kStandingFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const Task task = task_for_change(model);
    const auto result = attribute_logits(standing(model, kInsideAttention), task.items, {});
    REQUIRE(result);
    Edits change = edits_of(kInsideAttention);
    Recorder seen{"unembed.hook_out"};
    const TaskItem& item = task.items[0];
    const Tensor logits = model.forward(Batch({item.clean.tokens}), change | seen).logits[0];
    double sum = 0.0;
    for (std::size_t i = 0; i < result->shares.size(); i += 3) {
      sum += std::isnan(result->shares[i]) ? 0.0 : result->shares[i];
    }
    CHECK(sum == Approx(result->clean[0]).margin(1e-4));
    if (model.config().logit_softcap == 0) {
      CHECK(sum == Approx(logit_diff_in(logits[logits.size(0) - 1], item)).margin(1e-4));
    }
    const Model stream = standing(model, R"([{"site": "blocks.0.hook_resid_post", "op": "zero"}])");
    CHECK_THROWS_WITH(attribute_logits(stream, task.items, {}),
                      contains("blocks.0.hook_resid_post"));
  }
}

TEST_CASE("heads ablated one by one in a changed model") {
  const std::vector<std::vector<std::int32_t>> prompts{{1, 5, 9, 2, 7, 3}, {8, 4, 4, 6, 1, 0}};
  for (const std::string& family : kStandingFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const HeadAblation ablation(standing(model, kInsideAttention), prompts);
    Edits change = edits_of(kInsideAttention);
    Edits off;
    off.at("blocks.1.attn.hook_z", {.heads = {{0}}}).zero();
    const Tensor want = next_token_log_probs(model.forward(Batch(prompts), change | off).logits,
                                             Batch(prompts).tokens());
    CHECK(difference(ablation.without_heads_of(1)[0], want) < 1e-5);
    CHECK(difference(ablation.whole(),
                     next_token_log_probs(model.forward(Batch(prompts), change).logits,
                                          Batch(prompts).tokens())) < 1e-5);
  }
}

TEST_CASE("what cannot follow a change refuses it, and a longer context keeps it") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Model changed = standing(model, kInsideAttention);
  const Task task = task_for_change(model);
  const Paths paths({.receivers = {parse_receiver("1.1:k", model.config())}, .positions = {"all"}},
                    task.items,
                    model.config());
  const OtherRun source(Run::corrupted);
  const SweepSpec spec{.into = Run::clean,
                       .source = &source,
                       .metric = &find_metric("logit_diff"),
                       .runner = &paths};
  CHECK_THROWS_WITH(check_sweep(changed, task, spec, {.memory = 1 << 30}),
                    contains("--receiver 1.1:k"));
  CHECK_NOTHROW(refuse_changed_attention(changed, "detect"));  // statistics see a mask of scores
  const Model uniform =
      standing(model, R"([{"site": "blocks.1.attn.hook_pattern", "heads": [0], "op": "uniform"}])");
  CHECK_THROWS_WITH(refuse_changed_attention(uniform, "detect"),
                    contains("blocks.1.attn.hook_pattern"));
  CHECK_THROWS_WITH(refuse_chosen_positions(changed, "niah"), contains("intervention 1"));
  CHECK_NOTHROW(refuse_chosen_prompts(changed, "a sweep"));
  CHECK(beyond_context(changed, model.config().n_ctx + 8).standing() == changed.standing());
}
