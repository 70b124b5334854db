// What single features do, and where they fire: against runs of one feature at a time, and plain
// loops.
#include "analyses/sae/feature_effects.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "analyses/sae/feature_contexts.h"
#include "analyses/sweep/scoring.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/ops.h"
#include "tests/sae/random_sae.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kFeaturePoint = "blocks.1.attn.hook_z";

Sae feature_sae(const Model& model) {
  const std::int64_t width = model.config().n_heads * model.config().d_head;
  return random_sae(
      {.width = width, .features = 2 * width, .hook = kFeaturePoint, .threshold = 0.3});
}

// Pairs of prompts of two lengths.
Task feature_task() {
  Task task;
  task.name = "test";
  for (std::int32_t i = 0; i < 5; ++i) {
    TaskItem item;
    item.id = std::to_string(i);
    item.clean.id = item.id;
    item.clean.tokens = {5 + i, 6, 7 + 2 * i, 8};
    if (i % 2 == 0) {
      item.clean.tokens.push_back(9 + i);
    }
    item.corrupted = item.clean;
    item.corrupted.tokens[1] = 40 + i;
    item.answers = {11 + i};
    item.wrong = {30 + i};
    task.items.push_back(item);
  }
  return task;
}

}  // namespace

TEST_CASE("a feature's effect is that of the intervention on it, run alone") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const Sae sae = feature_sae(model);
  write_sae(sae, folder.file("sae"));
  const Task task = feature_task();
  const Scoring scoring(find_metric("logit_diff"), task.items, model);
  const auto logits = [&](const TaskItem& item, Tap* tap) {
    const ForwardOptions last{.logits = Logits::last, .vocab = scoring.vocab()};
    const Batch batch({item.clean.tokens});
    return tap == nullptr ? model.forward(batch, last).logits
                          : model.forward(batch, *tap, last).logits;
  };
  const FeatureEffects found =
      feature_effects(sae, model, task, find_metric("logit_diff"), {.most = 6});
  REQUIRE(found.features.size() == 6);
  for (const FeatureEffect& each : found.features) {
    double sum = 0.0;
    Intervention what{.site = kFeaturePoint, .op = Op::sae};
    what.sae = SaeChange{
        .folder = folder.file("sae"), .features = {each.feature}, .act = SaeChange::Do::ablate};
    for (std::int64_t i = 0; i < std::ssize(task.items); ++i) {
      const TaskItem& item = task.items[static_cast<std::size_t>(i)];
      Edits edits({what});
      const Tensor clean = logits(item, nullptr);
      sum += scoring.values(logits(item, &edits), {i}, clean).front() -
             scoring.values(clean, {i}, clean).front();
    }
    CHECK(each.effect.mean == Approx(sum / 5).margin(1e-4));
    CHECK(each.fired > 0.0);
  }
  CHECK(std::abs(found.features.front().effect.mean) > 1e-3);
  const FeatureEffects patched = feature_effects(
      sae, model, task, find_metric("logit_diff"), {.act = FeatureAct::patch, .features = {3, 1}});
  CHECK(patched.features.size() == 2);
  CHECK(patched.clean == Approx(found.clean));
  CHECK_THROWS_WITH(
      feature_effects(sae, model, task, find_metric("logit_diff"), {.features = {9999}}),
      contains("no feature 9999"));
}

TEST_CASE("contexts and densities of features are those of a plain loop") {
  const Model model = load(huggingface_fixture("llama"));
  const Sae sae = feature_sae(model);
  std::vector<Prompt> prompts;
  for (std::int32_t i = 0; i < 9; ++i) {
    Prompt prompt{.id = std::to_string(i), .text = "", .tokens = {}, .spans = {}};
    for (std::int32_t t = 0; t < 3 + i % 3; ++t) {
      prompt.tokens.push_back(5 + (7 * i + 3 * t) % 90);
    }
    prompts.push_back(prompt);
  }
  const FeatureContexts found = feature_contexts(
      sae, model, prompts, {.most = 5, .contexts = 3, .first_position = 1, .batch_tokens = 12});
  std::vector<Tensor> codes;  // of each prompt, [T − 1, d_sae]
  std::int64_t tokens = 0;
  for (const Prompt& prompt : prompts) {
    Recorder z(std::vector<std::string>{kFeaturePoint});
    model.forward(Batch({prompt.tokens}), z);
    const Tensor f = sae.encode(sae.rows_of(z.at(kFeaturePoint))).dense();
    codes.push_back(f.narrow(0, 1, f.size(0) - 1));
    tokens += codes.back().size(0);
  }
  const Tensor all = at::cat(codes);
  CHECK(found.tokens == tokens);
  CHECK(found.dead == ((all != 0).sum(0) == 0).sum().item<std::int64_t>());
  std::int64_t fired = found.dead;
  for (const std::int64_t bin : found.histogram) {
    fired += bin;
  }
  CHECK(fired == sae.config().d_sae);
  REQUIRE(found.features.size() == 5);
  for (const FeatureUse& use : found.features) {
    const Tensor own = all.select(1, use.feature);
    CHECK(use.density == Approx((own != 0).sum().item<double>() / static_cast<double>(tokens)));
    CHECK(use.largest == Approx(own.max().item<double>()));
    std::set<std::int64_t> seen;
    double before = use.largest;
    for (const FeatureContext& each : use.contexts) {
      CHECK(seen.insert(each.prompt).second);
      const Tensor there = codes[static_cast<std::size_t>(each.prompt)].select(1, use.feature);
      CHECK(each.code == Approx(there.max().item<double>()));
      CHECK(there[each.position - 1].item<double>() == Approx(each.code));
      CHECK(each.code <= before + 1e-6);
      before = each.code;
    }
  }
}
