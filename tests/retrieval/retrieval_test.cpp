// Retrieval scores: on a model whose retrieval heads are known because its weights are written by
// hand, and against the definition in plain loops.
#include "analyses/retrieval/retrieval.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <ATen/ops/argmax.h>
#include <ATen/ops/topk.h>

#include "analyses/retrieval/shared_prefix.h"
#include "lib/base/error.h"
#include "lib/base/head_scores.h"
#include "lib/model/beyond_context.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/induction_model.h"

using namespace headscope;
using namespace headscope::test;

namespace {

RetrievalPrompt with_needle(const std::string& id,
                            const std::vector<std::int32_t>& tokens,
                            const Span& needle) {
  RetrievalPrompt prompt;
  prompt.id = id;
  prompt.tokens = tokens;
  prompt.needle = needle;
  return prompt;
}

// Token 5 stands before a needle of 9, 7, 11 and again at the end: the induction head copies it.
std::vector<RetrievalPrompt> needles() {
  std::vector<RetrievalPrompt> prompts;
  const std::vector<std::int32_t> filler{1, 2, 3, 4, 6, 8, 10, 12, 13, 14, 15, 16};
  for (std::size_t before = 0; before < 6; ++before) {
    std::vector<std::int32_t> tokens{0};
    tokens.insert(tokens.end(), filler.begin(), filler.begin() + static_cast<long>(before));
    const auto begin = static_cast<std::int64_t>(tokens.size() + 1);
    tokens.insert(tokens.end(), {5, 9, 7, 11});
    tokens.insert(tokens.end(), filler.end() - 4 - static_cast<long>(before % 2), filler.end());
    tokens.push_back(5);
    prompts.push_back(with_needle(std::to_string(before), tokens, {begin, begin + 3}));
  }
  return prompts;
}

RetrievalOptions options_of(std::vector<HeadMask> masks = {HeadMask{}}) {
  RetrievalOptions options{.max_new = 3};
  options.masks = std::move(masks);
  return options;
}

std::vector<HeadId> ranked_first(const HeadId& head) {
  HeadScores scores(HeadGrid{2, kInductionHeads});
  scores[head] = 1.0;
  return ranked_heads(scores);
}

HeadMask top(std::int64_t count, MaskMode mode, std::vector<HeadId> ranked) {
  return {.choice = HeadMask::Choice::top,
          .count = count,
          .mode = mode,
          .draw = 0,
          .ranked = std::move(ranked)};
}

std::int64_t passes(const RetrievalScores& scores, std::size_t mask) {
  return std::count_if(scores.samples.begin(), scores.samples.end(), [&](const auto& sample) {
    return sample.mask == mask && sample.passed;
  });
}

// What decoding sees, one whole pass a step: the last row of every head, and the next token.
class LastRows final : public Tap {
 public:
  // Heads of `uniform` attend alike to what they see, in queries from `from` on.
  std::set<HeadId> uniform;
  std::int64_t from = 0;
  std::map<int, Tensor> rows;  // by layer [n_heads, keys]

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::pattern ? (uniform.empty() ? Interest::observe : Interest::edit)
                                       : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override {
    Tensor out = value.clone();
    for (const auto& [layer, head] : uniform) {
      for (std::int64_t q = from; layer == visit.point.layer && q < out.size(2); ++q) {
        const std::int64_t window = visit.config.layers[static_cast<std::size_t>(layer)].window;
        const std::int64_t first = window > 0 ? std::max<std::int64_t>(0, q + 1 - window) : 0;
        Tensor row = out.select(1, head).select(1, q);
        row.zero_();
        row.narrow(1, first, q + 1 - first).fill_(1.0 / static_cast<double>(q + 1 - first));
      }
    }
    rows[visit.point.layer] = out.select(0, 0).select(1, out.size(2) - 1).clone();
    return out;
  }
};

// The definition of the count form, with a full pass a step.
struct Plain {
  std::vector<std::int32_t> written;
  HeadScores count;
};
Plain plain_loop(const Model& model,
                 const RetrievalPrompt& prompt,
                 const RetrievalOptions& options,
                 LastRows& rows) {
  const HeadGrid heads = head_grid(model.config());
  Plain plain{.written = {}, .count = HeadScores(heads)};
  std::vector<std::int32_t> tokens = prompt.tokens;
  rows.from = static_cast<std::int64_t>(tokens.size()) - 1;
  for (std::int64_t step = 0; step < options.max_new; ++step) {
    const Tensor logits = model.forward(Batch({tokens}), rows, {.logits = Logits::last}).logits;
    const auto token = static_cast<std::int32_t>(at::argmax(logits, -1).item<std::int64_t>());
    for (const auto& [layer, pattern] : rows.rows) {
      const Tensor keys = std::get<1>(at::topk(pattern, options.top_k, -1)).contiguous();
      const Tensor weights = std::get<0>(at::topk(pattern, options.top_k, -1)).contiguous();
      for (std::int64_t head = 0; head < heads.n_heads; ++head) {
        bool hit = false;
        for (std::int64_t i = 0; i < options.top_k; ++i) {
          const auto key = keys.data_ptr<std::int64_t>()[head * options.top_k + i];
          hit = hit ||
                (weights.select(0, head)[i].item<float>() > 0 && key >= prompt.needle.begin &&
                 key < prompt.needle.end && prompt.tokens[static_cast<std::size_t>(key)] == token);
        }
        plain.count[{layer, head}] +=
            hit ? 1.0 / static_cast<double>(prompt.needle.end - prompt.needle.begin) : 0.0;
      }
    }
    plain.written.push_back(token);
    tokens.push_back(token);
  }
  return plain;
}

std::vector<RetrievalPrompt> copied_prompts(const Model& model) {
  std::vector<RetrievalPrompt> prompts;
  for (int p = 0; p < 4; ++p) {
    RetrievalPrompt prompt = with_needle(std::to_string(p), {}, {2, 0});
    for (std::int64_t i = 0; i < 25 + 3 * p; ++i) {  // many tokens, so that some are written
      const std::int64_t token = i < 5 ? i : i * i * (p + 3) + 7 * i;
      prompt.tokens.push_back(static_cast<std::int32_t>(5 + token % (model.config().d_vocab - 5)));
    }
    prompt.needle.end = static_cast<std::int64_t>(prompt.tokens.size());
    prompts.push_back(prompt);
  }
  return prompts;
}

}  // namespace

TEST_CASE("a retrieval head by construction scores 1, the others 0") {
  for (const std::int64_t kv_heads : {4, 2}) {
    CAPTURE(kv_heads);
    const Model model = induction_model(kv_heads);
    const RetrievalScores scores = retrieval_scores(model, needles(), options_of());
    REQUIRE(scores.samples.size() == 6);
    CHECK(scores.passed() == 6);
    const HeadScores count = scores.means(ScoreForm::count);
    const HeadScores set = scores.means(ScoreForm::set);
    REQUIRE(count.grid == HeadGrid{2, kInductionHeads});
    for (const HeadId& head : count.heads()) {
      CAPTURE(to_string(head));
      // 1.3 has the same queries and keys as the induction head 1.2, and no output.
      const bool copies = head == kInductionHead || head == HeadId{1, 3};
      CHECK(count[head] == (copies ? 1.0 : 0.0));
      CHECK(set[head] == (copies ? 1.0 : 0.0));
    }
    CHECK(scores.samples[0].tokens == std::vector<std::int32_t>{9, 7, 11});
    CHECK(scores.samples[0].recall == 100.0);
  }
}

TEST_CASE("masking the retrieval head loses every needle, masking others none") {
  const Model model = induction_model();
  for (const MaskMode mode : {MaskMode::decode_uniform, MaskMode::zero, MaskMode::mean}) {
    CAPTURE(to_string(mode));
    HeadMask random{.choice = HeadMask::Choice::random,
                    .count = 1,
                    .mode = mode,
                    .draw = 0,
                    .ranked = {kInductionHead, {0, 0}, {0, 2}, {0, 3}, {1, 0}, {1, 1}, {1, 3}}};
    const RetrievalScores scores =
        retrieval_scores(model,
                         needles(),
                         options_of({HeadMask{},
                                     top(1, mode, ranked_first(kInductionHead)),
                                     top(1, mode, ranked_first({1, 3})),
                                     random}));
    REQUIRE(scores.samples.size() == 24);
    CHECK(passes(scores, 0) == 6);
    CHECK(passes(scores, 1) == 0);
    CHECK(passes(scores, 2) == 6);  // looks at the needle as 1.2 does, but writes nothing
    CHECK(passes(scores, 3) == 6);
    CHECK(scores.passed() == 6);  // masked samples have no scores
  }
}

TEST_CASE("decode-uniform leaves the prefill whole, zero does not") {
  // The previous-token head does its work before decoding begins.
  const Model model = induction_model();
  const auto ranked = ranked_first(kPreviousTokenHead);
  const RetrievalScores scores = retrieval_scores(
      model,
      needles(),
      options_of({top(1, MaskMode::decode_uniform, ranked), top(1, MaskMode::zero, ranked)}));
  CHECK(passes(scores, 0) == 6);
  CHECK(passes(scores, 1) == 0);
}

TEST_CASE("scores are those of the plain loop, whatever is batched, padded and shared") {
  double all_hits = 0;
  for (const std::string name : {"llama3_gqa_tied", "qwen3_window", "gemma2", "gpt2"}) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    const std::vector<RetrievalPrompt> prompts = copied_prompts(model);
    CHECK(shared_tokens(prompts).size() >= 4);
    HeadMask mask = top(3, MaskMode::decode_uniform, {{0, 1}, {1, 0}, {1, 3}});
    for (const std::int64_t batch_tokens : {1, 100000}) {
      RetrievalOptions options{.top_k = 12, .max_new = 5, .batch_tokens = batch_tokens};
      options.masks = {HeadMask{}, mask};
      const RetrievalScores scores = retrieval_scores(model, prompts, options);
      REQUIRE(scores.samples.size() == 2 * prompts.size());
      double hits = 0;
      for (const RetrievalSample& sample : scores.samples) {
        CAPTURE(batch_tokens, sample.prompt, sample.mask);
        LastRows rows;
        if (sample.mask == 1) {
          rows.uniform = {{0, 1}, {1, 0}, {1, 3}};
        }
        const Plain plain = plain_loop(model, prompts[sample.prompt], options, rows);
        CHECK(std::equal(sample.tokens.begin(), sample.tokens.end(), plain.written.begin()));
        if (sample.mask == 0 && sample.tokens.size() == plain.written.size()) {
          for (std::size_t i = 0; i < plain.count.values.size(); ++i) {
            CAPTURE(i);
            CHECK(sample.count[i] == Approx(plain.count.values[i]).margin(1e-9));
            hits += sample.count[i];
          }
        }
      }
      all_hits += hits;
    }
  }
  CHECK(all_hits > 1);
}

TEST_CASE("random masks: spare the best, differ by prompt and draw, repeat with the seed") {
  HeadMask mask{.choice = HeadMask::Choice::random,
                .count = 30,
                .ranked = HeadGrid{.n_layers = 30, .n_heads = 9}.heads()};
  CHECK(spared_by_random(270) == 54);
  CHECK(spared_by_random(1024) == 100);
  const auto heads = masked_heads(mask, 1, "a");
  CHECK(std::set(heads.begin(), heads.end()).size() == 30);
  for (const auto& [layer, head] : heads) {
    CHECK(layer * 9 + head >= 54);
  }
  CHECK(heads == masked_heads(mask, 1, "a"));
  CHECK(heads != masked_heads(mask, 1, "b"));
  CHECK(heads != masked_heads(mask, 2, "a"));
  mask.draw = 1;
  CHECK(heads != masked_heads(mask, 1, "a"));
  mask.count = 217;
  CHECK_THROWS_AS(masked_heads(mask, 1, "a"), UsageError);
  mask.choice = HeadMask::Choice::top;
  CHECK(masked_heads(mask, 1, "a")[216] == HeadId{24, 0});
}

TEST_CASE("samples that are done are not run again, and the others stay as they were") {
  const Model model = induction_model();
  const RetrievalScores all = retrieval_scores(model, needles(), options_of());
  RetrievalOptions options = options_of();
  options.done = [](const HeadMask&, const RetrievalPrompt& prompt) { return prompt.id != "3"; };
  const RetrievalScores rest = retrieval_scores(model, needles(), options);
  REQUIRE(rest.samples.size() == 1);
  CHECK(rest.samples[0].prompt == 3);
  CHECK(rest.samples[0].count == all.samples[3].count);
  options.done = nullptr;
  options.stop = [] { return true; };
  CHECK(retrieval_scores(model, needles(), options).stopped);
}

TEST_CASE("prompts that cannot be are refused") {
  const Model model = induction_model();
  const auto bad = [&](const std::vector<std::int32_t>& tokens, const Span& needle) {
    CHECK_THROWS_AS(retrieval_scores(model, {with_needle("bad", tokens, needle)}, options_of()),
                    UsageError);
  };
  bad({0}, {0, 1});  // one token
  bad({0, 1}, {1, 3});
  bad({0, 1}, {1, 1});
  bad(std::vector<std::int32_t>(25), {1, 2});               // longer than the context
  CHECK_THROWS_AS(beyond_context(model, 100), UsageError);  // its positions are learned
  CHECK(beyond_context(model, 10).config().n_ctx == 24);
  const Model rotary = load(huggingface_fixture("llama3_gqa_tied"));
  CHECK(beyond_context(rotary, 500).config().n_ctx == 500);
}
