// Masks and biases of attention scores: on the fused path, and what they change there is what the
// explicit path makes of them.
#include <algorithm>
#include <fstream>
#include <limits>

#include <ATen/ops/randn.h>

#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "hooks/statistics_tap.h"
#include "hooks/tap_list.h"
#include "lib/attention/attention.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/gradients.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::vector<std::string> kBiasFamilies{"gpt2", "llama_linear_mqa", "gemma2", "qwen3_window"};

std::vector<Intervention> bias_edits(const std::string& list) {
  return interventions_from_json(Json::parse(R"({"version": 1, "edits": )" + list + "}"), "e.json");
}

constexpr const char* kBiases =
    R"([{"site": "blocks.0.attn.hook_attn_scores", "heads": [1], "op": "mask",
         "keys": {"positions": 1}, "apply": {"positions": {"from": 2}}},
        {"site": "blocks.*.attn.hook_attn_scores", "op": "bias", "bias": -2,
         "keys": {"except": {"from": 1, "to": 3}}},
        {"site": "blocks.1.attn.hook_attn_scores", "heads": [0], "op": "bias", "bias": 3,
         "pairs": [[-1, 0], [2, null]]}])";

Batch uneven_prompts() {
  return Batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}, {14, 15, 16, 17, 18}});
}

// Counts what a pass asks a tap for.
class Asked final : public Tap {
 public:
  explicit Asked(Tap& tap) : tap_(tap) {}
  void begin(const ModelConfig& config) override { tap_.begin(config); }
  void end() override { tap_.end(); }
  [[nodiscard]] Interest wants(HookPoint point) const override { return tap_.wants(point); }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    ++shown;
    return tap_.visit(visit, value);
  }
  [[nodiscard]] bool changes_scores_fused(int layer) const override {
    return tap_.changes_scores_fused(layer);
  }
  void change_scores(const Visit& visit, AttentionInputs& in) override {
    ++biased;
    tap_.change_scores(visit, in);
  }
  int shown = 0;
  int biased = 0;

 private:
  Tap& tap_;
};

}  // namespace

TEST_CASE("z with a bias is the explicit one, whatever its shape") {
  const auto random = [](std::vector<std::int64_t> shape) { return at::randn(shape); };
  const std::int64_t B = 2, T = 5, S = 9, H = 4;
  for (const bool hides : {false, true}) {
    for (const std::int64_t queries : {std::int64_t{1}, T, S}) {
      AttentionInputs in{.q = random({B, queries, H, 8}),
                         .k = random({B, S, 2, 8}),
                         .v = random({B, S, 2, 8}),
                         .spec = {.scale = 0.4},
                         .hidden = {}};
      if (hides || (queries > 1 && queries < S)) {
        in.hidden = at::arange(S).view({1, 1, 1, S}) >
                    (at::arange(queries) + (S - queries)).view({1, 1, queries, 1});
      }
      for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{1, 1, 1, S},
                                                     {B, 1, 1, S},
                                                     {1, H, 1, S},
                                                     {B, H, queries, S}}) {
        CAPTURE(hides, queries, shape);
        in.bias = random(shape);
        in.bias.select(3, 1).fill_(-std::numeric_limits<float>::infinity());
        const Tensor pattern = attention_pattern(attention_scores(in), in.spec);
        CHECK(pattern.select(3, 1).abs().max().item<float>() == 0.0F);
        CHECK(difference(fused_attention(in), apply_pattern(pattern, in.v)) < 1e-5);
        AttentionInputs plain = in;
        plain.bias = Tensor();
        CHECK(difference(fused_attention(in), fused_attention(plain)) > 1e-2);
      }
    }
  }
}

TEST_CASE("a bias over more queries than one block holds") {
  const std::int64_t T = 2600;
  AttentionInputs in{.q = at::randn({1, T, 4, 4}),
                     .k = at::randn({1, T, 2, 4}),
                     .v = at::randn({1, T, 2, 4}),
                     .spec = {.scale = 0.5},
                     .hidden = {}};
  REQUIRE(4 * T * T > kScoresAtOnce);
  in.bias = at::randn({1, 4, 1, T});
  const Tensor z = fused_attention(in);
  const Tensor pattern = attention_pattern(attention_scores(in), in.spec);
  CHECK(difference(z, apply_pattern(pattern, in.v)) < 1e-4);
}

TEST_CASE("masks and biases stay on the fused path, and are what the explicit path makes of them") {
  for (const std::string& family : kBiasFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string first = "blocks.0.attn.hook_attn_scores";
    const std::string second = "blocks.1.attn.hook_attn_scores";
    Edits alone(bias_edits(kBiases));
    Asked asked(alone);
    const Tensor fused = model.forward(uneven_prompts(), asked).logits;
    CHECK(asked.shown == 0);
    CHECK(asked.biased == model.config().n_layers);
    CHECK(alone.fired(0) == 1);
    CHECK(alone.fired(1) == model.config().n_layers);
    Edits shown(bias_edits(kBiases));
    IdentityEdit explicitly(Site::pattern);
    const Tensor formed = model.forward(uneven_prompts(), shown | explicitly).logits;
    CHECK(shown.fired(0) == 1);
    const auto rows_differ = [&](const Tensor& a, const Tensor& b) {
      double most = 0.0;
      const std::int64_t lengths[] = {6, 3, 5};
      for (std::int64_t row = 0; row < 3; ++row) {
        const std::int64_t length = lengths[row];
        most = std::max(
            most,
            difference(a[row].narrow(0, 6 - length, length), b[row].narrow(0, 6 - length, length)));
      }
      return most;
    };
    CHECK(rows_differ(fused, formed) < 2e-5);
    CHECK(rows_differ(fused, model.forward(uneven_prompts()).logits) > 1e-3);
    Edits chunked(bias_edits(kBiases));
    CHECK(rows_differ(model.forward(uneven_prompts(), chunked, {.chunk = 2}).logits, fused) < 2e-5);
    // A tap that observes the scores sees the changed ones too.
    Edits seen(bias_edits(kBiases));
    Recorder scores{std::vector<std::string>{first, second}};
    CHECK(rows_differ(model.forward(uneven_prompts(), seen | scores).logits, fused) < 2e-5);
    CHECK(scores.at(first)[0][1][3][1].item<float>() == -std::numeric_limits<float>::infinity());
  }
}

TEST_CASE("looking at the pattern of a biased layer shows the changed one and changes nothing") {
  const Model model = load(huggingface_fixture("llama"));
  const std::string name = "blocks.1.attn.hook_pattern";
  Edits alone(bias_edits(kBiases));
  const Tensor logits = model.forward(uneven_prompts(), alone).logits;
  Edits watched(bias_edits(kBiases));
  Recorder pattern{std::vector<std::string>{name}};
  CHECK(identical(model.forward(uneven_prompts(), watched | pattern).logits, logits));
  Edits shown(bias_edits(kBiases));
  IdentityEdit explicitly(Site::pattern);
  Recorder formed{std::vector<std::string>{name}};
  model.forward(uneven_prompts(), TapList({&shown, &explicitly, &formed}));
  CHECK(difference(pattern.at(name), formed.at(name)) < 5e-6);
}

TEST_CASE("statistics are those of the changed pattern") {
  for (const std::string& family : kBiasFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    Edits edits(bias_edits(kBiases));
    Recorder pattern{"blocks.1.attn.hook_pattern"};
    AttentionStatistics found;
    StatisticsTap statistics({.first = true, .columns = true},
                             [&](const Visit&, const AttentionStatistics& some) { found = some; },
                             {1});
    model.forward(uneven_prompts(), TapList({&edits, &pattern, &statistics}));
    const Tensor p = pattern.at("blocks.1.attn.hook_pattern");
    CHECK(difference(found.first_mass[0], p[0].select(2, 0)) < 1e-5);
    CHECK(difference(found.first_mass[1].narrow(1, 3, 3), p[1].narrow(1, 3, 3).select(2, 3)) <
          1e-5);
    CHECK(difference(found.column_mass[0], p[0].sum(1)) < 1e-5);
  }
}

TEST_CASE("a mask that hides every key of a query is refused on the fused path too") {
  const Model model = load(huggingface_fixture("llama"));
  const auto run = [&](const std::string& list) {
    Edits edits(bias_edits(list));
    model.forward(uneven_prompts(), edits);
  };
  const std::string mask = R"([{"site": "blocks.0.attn.hook_attn_scores", "op": "mask", )";
  CHECK_THROWS_WITH(run(mask + R"("heads": [2], "keys": {"positions": {"to": 2}}}])"),
                    contains("position 0 of prompt 0 sees no key in head 2"));
  CHECK_THROWS_WITH(run(mask + R"("prompts": [1], "pairs": [[2, null]]}])"),
                    contains("position 2 of prompt 1 sees no key in head 0"));
  CHECK_NOTHROW(run(mask + R"("apply": {"except": 0}, "keys": {"positions": 0}}])"));
  CHECK_THROWS_WITH(run(mask + R"("apply": {"positions": 1}, "keys": {"positions": 2}}])"),
                    contains("never changed anything"));
}

TEST_CASE("a changed model is biased in passes, in gradients and behind another tap") {
  const TempFolder folder;
  std::ofstream(folder.file("e.json")) << R"({"version": 1, "edits": )" << kBiases << "}";
  for (const std::string& family : kBiasFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const Model changed = intervened(model, folder.file("e.json"));
    Edits edits(bias_edits(kBiases));
    const Tensor want = model.forward(uneven_prompts(), edits).logits;
    CHECK(identical(changed.forward(uneven_prompts()).logits, want));
    CHECK_NOTHROW(refuse_changed_attention(changed, "detect"));
    Edits more;
    more.at("blocks.1.attn.hook_attn_scores", {.heads = {{0}}, .pairs = {{{2, 1}}}}).bias(-1.0);
    std::vector<Intervention> both = bias_edits(kBiases);
    both.push_back(more.interventions().front());
    Edits in_one(both);
    CHECK(identical(changed.forward(uneven_prompts(), more).logits,
                    model.forward(uneven_prompts(), in_one).logits));
    class Nothing final : public GradientTap {
     public:
      [[nodiscard]] bool wants(HookPoint) const override { return false; }
      void visit(const Visit&, const Tensor&, const Tensor&) override {}
    } nothing;
    const auto objective = [](const Tensor& logits) { return logits.select(1, 3); };
    CHECK(difference(gradients(changed, uneven_prompts(), objective, nothing).logits,
                     want.select(1, 5)) < 2e-5);
  }
}
