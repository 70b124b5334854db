// Texts under different changes in one batch: each is what it is alone, and what passes of the
// changed model over the whole text say.
#include "lib/generate/row_changes.h"

#include <ATen/ops/log_softmax.h>

#include "hooks/edits.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/generate/generate.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Change = std::shared_ptr<const StandingChange>;

Change change_of(const Model& model, std::vector<Intervention> what, const std::string& hash) {
  return std::make_shared<const StandingInterventions>(std::move(what), model, hash);
}

std::vector<Change> some_changes(const Model& model) {
  Intervention zero{.site = "blocks.1.attn.hook_z"};
  zero.where.heads = {{0}};
  Intervention scale{.site = "blocks.0.attn.hook_q", .op = Op::scale, .factor = 3.0};
  Intervention uniform{.site = "blocks.1.attn.hook_pattern", .op = Op::uniform};
  return {nullptr,
          change_of(model, {zero}, "xxh3:1"),
          change_of(model, {scale}, "xxh3:2"),
          change_of(model, {uniform, zero}, "xxh3:3")};
}

TextRequest request(std::vector<std::int32_t> prompt, Change change) {
  return {.prompt = std::move(prompt),
          .stop = {.max_new = 5, .at_end_of_turn = AtEndOfTurn::go_on},
          .change = std::move(change)};
}

// Each token's log-probability in a pass of the changed model over the whole text.
void check_against_passes(const Model& model, const TextRequest& asked, const GeneratedText& text) {
  const Model changed = model.with(asked.change);
  std::vector<std::int32_t> tokens = asked.prompt;
  for (const WrittenToken& written : text.tokens) {
    const Tensor logits = changed.forward(Batch({tokens}), {.logits = Logits::last}).logits[0];
    CHECK(likeliest(logits.unsqueeze(0)).front() == written.token);
    const std::vector<float> expected = to_floats(at::log_softmax(logits, -1));
    CHECK(written.logprob ==
          Approx(expected[static_cast<std::size_t>(written.token)]).margin(2e-5));
    tokens.push_back(written.token);
  }
}

}  // namespace

TEST_CASE("texts under different interventions in one batch are what each is alone") {
  for (const std::string name : {"gpt2", "llama3_gqa_tied"}) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    const std::vector<Change> changes = some_changes(model);
    const std::vector<std::vector<std::int32_t>> prompts{{5, 9, 7}, {8, 2, 4, 6}, {3, 3}};
    const auto prefixes = std::make_shared<PrefixCache>(std::int64_t{1} << 24);
    Generation generation(model, {.prefill_chunk = 2, .prefixes = prefixes});
    std::vector<TextRequest> asked;
    for (const auto& prompt : prompts) {
      for (const Change& change : changes) {
        asked.push_back(request(prompt, change));
        generation.join(asked.back());
        if (asked.size() % 5 == 0) {
          generation.step();
        }
      }
    }
    while (generation.step()) {
    }
    for (std::size_t i = 0; i < asked.size(); ++i) {
      CAPTURE(i);
      CHECK(generation.text(i).tokens.size() == 5);
      check_against_passes(model, asked[i], generation.text(i));
    }
    for (const Change& change : changes) {
      if (change) {
        change->check_fired();
        CHECK(change->fired().front().values > 0);
      }
    }
    CHECK(prefixes->hits() == 0);  // no prompt came twice under one change
  }
}

TEST_CASE("a change of one row leaves the others bit for bit, and sees its own text") {
  const Model model = load(huggingface_fixture("gpt2"));
  std::vector<std::int64_t> seen;
  class Spy final : public StandingChange {
   public:
    explicit Spy(std::vector<std::int64_t>& seen) : seen_(seen) {}
    [[nodiscard]] std::unique_ptr<Tap> tap() const override {
      class SpyTap final : public Tap {
       public:
        explicit SpyTap(std::vector<std::int64_t>& seen) : seen_(seen) {}
        [[nodiscard]] Interest wants(HookPoint point) const override {
          return point.site == Site::resid_pre && point.layer == 1 ? Interest::edit
                                                                   : Interest::none;
        }
        Tensor visit(const Visit& visit, const Tensor& value) override {
          CHECK(visit.layout.rows == 1);
          CHECK(value.size(0) == 1);
          REQUIRE(visit.layout.text(0) != nullptr);
          CHECK(visit.layout.text(0)->prompt_tokens == 2);
          seen_.push_back(static_cast<std::int64_t>(visit.layout.text(0)->tokens.size()));
          return value + 1.0;
        }

       private:
        std::vector<std::int64_t>& seen_;
      };
      return std::make_unique<SpyTap>(seen_);
    }
    [[nodiscard]] std::string hash() const override { return "xxh3:spy"; }
    [[nodiscard]] Json description() const override { return nullptr; }
    [[nodiscard]] std::vector<Fired> fired() const override { return {}; }
    void add_fired(const std::vector<std::int64_t>&) const override {}
    void check_fired() const override {}

   private:
    std::vector<std::int64_t>& seen_;
  };
  const auto spy = std::make_shared<const Spy>(seen);
  NoTap nobody;
  RowChanges changes({nullptr, spy, nullptr}, nobody);
  const std::vector<std::vector<std::int32_t>> prompts{{5, 9, 7}, {8, 2}, {3, 3, 1, 4}};
  const Tensor changed = model.forward(Batch(prompts), changes).logits;
  const Tensor plain = model.forward(Batch(prompts)).logits;
  CHECK(changed[0].equal(plain[0]));
  CHECK(changed[2].equal(plain[2]));
  CHECK_FALSE(changed[1].equal(plain[1]));
  CHECK(seen == std::vector<std::int64_t>{2});

  seen.clear();
  Generation generation(model);
  generation.join(request({5, 9, 7}, nullptr));
  generation.join(request({8, 2}, spy));
  while (generation.step()) {
  }
  CHECK(seen == std::vector<std::int64_t>{2, 3, 4, 5, 6});
}

TEST_CASE("an empty change writes what no change writes, bit for bit") {
  const Model model = load(huggingface_fixture("llama"));
  for (const Change& change : {Change(), change_of(model, {}, "xxh3:0")}) {
    Generation generation(model);
    generation.join(request({5, 9, 7}, change));
    generation.join(request({5, 9, 7}, nullptr));
    while (generation.step()) {
    }
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(generation.text(0).tokens[i].logprob == generation.text(1).tokens[i].logprob);
    }
  }
}
