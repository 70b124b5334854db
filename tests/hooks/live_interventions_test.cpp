// Interventions while texts are written: each text is what a pass over all of it, written tokens
// told apart from the prompt, makes of it under its own interventions, whatever else runs beside
// it.
#include <cmath>
#include <fstream>

#include <ATen/ops/log_softmax.h>

#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/generate/generate.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Every one of these changes something in prompts and in tokens written by greedy decoding.
const std::vector<std::string> kLive{
    R"([{"site": "blocks.0.attn.hook_z", "heads": [0], "op": "scale", "apply": {"phase": "decode"},
         "strength": {"schedule": "linear", "from": 4, "to": 0, "steps": 4}}])",
    R"([{"site": "blocks.1.attn.hook_attn_scores", "op": "renormalize", "factor": 0.05,
         "keys": {"phase": "prefill", "except": {"from": 1, "to": 3}}}])",
    R"([{"site": "blocks.1.attn.hook_attn_scores", "heads": [1], "op": "mask",
         "apply": {"steps": {"from": 1, "to": 5}}, "keys": {"positions": [0, -1]}},
        {"site": "blocks.1.attn.hook_attn_scores", "op": "temperature", "temperature": 0.5}])",
    R"([{"site": "blocks.0.attn.hook_pattern", "op": "top_k", "k": 2,
         "apply": {"phase": "decode"}},
        {"site": "blocks.1.attn.hook_z", "op": "scale", "factor": 3,
         "when": {"statistic": "first_token_mass", "above": 0.1}}])",
    "[]"};

std::shared_ptr<const StandingInterventions> live_change(const Model& model,
                                                         const std::string& list) {
  return std::make_shared<const StandingInterventions>(
      interventions_from_json(Json::parse(R"({"version": 1, "edits": )" + list + "}"), "e.json"),
      model,
      list);
}

}  // namespace

TEST_CASE("each text is what its own interventions make of it, in one batch") {
  for (const std::string family : {"llama", "qwen3_window", "gemma2"}) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    Generation generation(model);
    std::vector<std::vector<std::int32_t>> prompts;
    for (std::size_t i = 0; i < kLive.size(); ++i) {
      prompts.push_back({5, 6, 7, 8, 9});
      prompts.back().resize(5 - i % 2, 11);
      TextRequest request;
      request.prompt = prompts.back();
      request.change = live_change(model, kLive[i]);
      request.stop.max_new = 6;
      request.stop.at_end_of_turn = AtEndOfTurn::go_on;
      generation.join(std::move(request));
      generation.step();  // rows at different steps
    }
    while (generation.step()) {
    }
    for (std::size_t i = 0; i < kLive.size(); ++i) {
      CAPTURE(i);
      const auto& written = generation.text(i).tokens;
      RowText text{.tokens = prompts[i],
                   .prompt_tokens = static_cast<std::int64_t>(prompts[i].size())};
      for (const WrittenToken& token : written) {
        text.tokens.push_back(token.token);
      }
      Batch whole({text.tokens});
      whole.describe(std::make_shared<const std::vector<RowText>>(1, text));
      const auto change = live_change(model, kLive[i]);
      const Tensor logits = model.with(change).forward(whole).logits[0];
      const Tensor logprobs = at::log_softmax(logits, -1);
      change->check_fired();
      const Tensor plain = at::log_softmax(model.forward(whole).logits[0], -1);
      double moved = 0.0;
      for (std::size_t k = 0; k < written.size(); ++k) {
        const auto at = static_cast<std::int64_t>(prompts[i].size() + k) - 1;
        const auto here = logprobs[at][written[k].token].item<float>();
        CHECK(std::abs(written[k].logprob - here) < 2e-4);
        moved += std::abs(here - plain[at][written[k].token].item<float>());
      }
      CHECK((moved > 1e-3) == (kLive[i] != "[]"));
    }
  }
}

TEST_CASE("what is written is chosen by its text and by its step") {
  const Model model = load(huggingface_fixture("llama"));
  const auto written_with = [&](const std::string& list) {
    Generation generation(model);
    TextRequest request;
    request.prompt = {5, 6, 7};
    request.stop.max_new = 6;
    request.stop.at_end_of_turn = AtEndOfTurn::go_on;
    const auto change = live_change(model, list);
    request.change = change;
    generation.join(std::move(request));
    while (generation.step()) {
    }
    std::vector<std::int64_t> fired;
    for (const auto& part : change->fired()) {
      fired.push_back(part.values);
    }
    return std::pair{generation.text(0).tokens, fired};
  };
  const auto free = written_with("[]").first;
  const std::int32_t third = free[2].token;
  int same = 0;
  for (const WrittenToken& token : free) {
    same += token.token == third ? 1 : 0;
  }
  // The last token written is never processed; factor 1 changes no token and counts as a change.
  same -= free.back().token == third ? 1 : 0;
  const auto by_token =
      written_with(fmt::format(R"([{{"site": "blocks.1.attn.hook_z", "op": "scale", "factor": 1,
                        "apply": {{"phase": "decode", "positions": {{"tokens": [{}]}}}}}}])",
                               third));
  CHECK(by_token.second == std::vector<std::int64_t>{same});
  const auto by_step = written_with(
      R"([{"site": "blocks.1.attn.hook_z", "op": "scale", "factor": 1,
           "apply": {"steps": {"from": 1, "to": 4}}},
          {"site": "blocks.1.attn.hook_z", "op": "scale", "factor": 1,
           "apply": {"phase": "prefill"}}])");
  CHECK(by_step.second == std::vector<std::int64_t>{3, 1});
}

TEST_CASE("keys kept of a prompt are not used for the same tokens with other spans") {
  const Model model = load(huggingface_fixture("llama"));
  const auto change = live_change(
      model,
      R"([{"site": "blocks.0.attn.hook_k", "op": "zero", "apply": {"positions": {"span": "s"}}}])");
  const auto first_logprob = [&](Generation& generation, Span span) {
    TextRequest request;
    request.prompt = {5, 6, 7, 8, 9};
    request.spans["s"] = span;
    request.change = change;
    request.stop.max_new = 1;
    const std::size_t text = generation.join(std::move(request));
    return generation.text(text).tokens.front().logprob;
  };
  const auto prefixes = std::make_shared<PrefixCache>(std::int64_t{1} << 24);
  Generation kept(model, {.prefixes = prefixes});
  Generation anew(model);
  for (const Span span : {Span{0, 2}, Span{1, 4}, Span{0, 2}}) {
    CHECK(first_logprob(kept, span) == Approx(first_logprob(anew, span)).margin(1e-5));
  }
  CHECK(std::abs(first_logprob(anew, {0, 2}) - first_logprob(anew, {1, 4})) > 1e-4);
  CHECK(prefixes->hits() == 1);
}

TEST_CASE("a prompt whose keys were kept counts as one that ran whole") {
  const Model model = load(huggingface_fixture("llama"));
  const auto prefixes = std::make_shared<PrefixCache>(std::int64_t{1} << 24);
  Generation generation(model, {.prefill_chunk = 2, .prefixes = prefixes});
  const auto fired = [&] {
    const auto change = live_change(
        model,
        R"([{"site": "blocks.*.attn.hook_k", "op": "scale", "factor": 2, "positions": [0]},
            {"site": "blocks.1.hook_resid_post", "op": "scale", "factor": 2, "positions": [-1]},
            {"site": "blocks.1.attn.hook_z", "op": "scale", "factor": 2}])");
    generation.join({.prompt = {5, 6, 7, 8, 9}, .stop = {.max_new = 1}, .change = change});
    std::vector<std::int64_t> counts;
    for (const StandingChange::Fired& part : change->fired()) {
      counts.push_back(part.values);
    }
    return counts;
  };
  const std::vector<std::int64_t> whole = fired();
  CHECK(whole == std::vector<std::int64_t>{3, 1, 3});
  CHECK(fired() == whole);
  CHECK(fired() == whole);  // what is kept of one that was kept
  CHECK(prefixes->hits() == 2);
}
