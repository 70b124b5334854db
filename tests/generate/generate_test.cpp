// Generation against one text at a time run anew for every token; the sampler against what its
// words say.
#include "lib/generate/generate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <ATen/ops/argmax.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Tokens = std::vector<std::int32_t>;

Tokens ids(const GeneratedText& text) {
  Tokens tokens;
  for (const WrittenToken& written : text.tokens) {
    tokens.push_back(written.token);
  }
  return tokens;
}

// A text of its own, from beginning to end.
GeneratedText alone(const Model& model, const TextRequest& request) {
  Generation generation(model);
  generation.join(request);
  while (generation.step()) {
  }
  return generation.text(0);
}

Tokens greedy_alone(const Model& model, Tokens text, std::size_t count) {
  Tokens written;
  while (written.size() < count) {
    const Tensor logits = model.forward(Batch({text}), {.logits = Logits::last}).logits;
    written.push_back(static_cast<std::int32_t>(at::argmax(logits, -1).item<std::int64_t>()));
    text.push_back(written.back());
  }
  return written;
}

const StopRules kSix{.max_new = 6, .at_end_of_turn = AtEndOfTurn::go_on};

// How often each token of `logits` is drawn.
std::map<std::int32_t, int> counts(const SamplerOptions& options, const Tensor& logits, int draws) {
  const Sampler sampler(options);
  const std::vector<float> row = to_floats(logits[0]);
  std::map<std::int32_t, int> found;
  for (int i = 0; i < draws; ++i) {
    ++found[sampler.pick(row, {}, {7, static_cast<std::uint64_t>(i)})];
  }
  return found;
}

}  // namespace

TEST_CASE("texts that join and leave a running batch are what each is alone") {
  for (const std::string name : {"gpt2", "gemma3"}) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    const std::vector<Tokens> prompts{{5, 9, 7, 3}, {8}, {6, 4, 11, 12, 9, 5, 8}, {3, 3}};
    Generation generation(model);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      CHECK(generation.join({.prompt = prompts[i], .stop = kSix}) == i);
      generation.step();
    }
    generation.leave(2);
    const std::size_t left = generation.text(2).tokens.size();
    while (generation.step()) {
    }
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      CAPTURE(i);
      CHECK(ids(generation.text(i)) == greedy_alone(model, prompts[i], i == 2 ? left : 6));
      CHECK(generation.text(i).ended == (i == 2 ? Ended::no : Ended::length));
    }
    CHECK(generation.running().empty());
    generation.forget(1);
    CHECK_THROWS_AS(generation.text(1), UsageError);
  }
}

TEST_CASE("a text ends by an id, at its length, or with the context") {
  const Model model = load(huggingface_fixture("gpt2"));
  const Tokens prompt{5, 9, 7, 3};
  const Tokens free = greedy_alone(model, prompt, 5);
  const std::int32_t stop = free[2];
  const auto first = std::find(free.begin(), free.end(), stop) + 1;
  const GeneratedText by_id =
      alone(model,
            {.prompt = prompt,
             .stop = {.ids = {stop}, .max_new = 5, .at_end_of_turn = AtEndOfTurn::go_on}});
  CHECK(ids(by_id) == Tokens(free.begin(), first));
  CHECK(by_id.ended == Ended::id);

  const Model small = altered(model, [](ModelConfig& c, Weights& w) {
    c.n_ctx = 6;
    w.W_pos = w.W_pos.slice(0, 0, 6);
  });
  Generation full(small);
  full.join({.prompt = prompt, .stop = {.at_end_of_turn = AtEndOfTurn::go_on}});
  full.join({.prompt = {5}, .stop = {.at_end_of_turn = AtEndOfTurn::go_on}});
  while (full.step()) {
  }
  CHECK(ids(full.text(0)) == greedy_alone(small, prompt, 3));  // the last token needs no position
  CHECK(full.text(0).ended == Ended::context);
  CHECK(full.text(1).tokens.size() == 6);
  CHECK_THROWS_AS(full.join({.prompt = Tokens(7, 3)}), UsageError);
}

TEST_CASE("a text ends before a string that lies across tokens") {
  const Model model = load(huggingface_fixture("llama"));
  const Tokens prompt{5, 9, 7, 3};
  const Tokens free = greedy_alone(model, prompt, 4);
  WrittenText whole(model.tokenizer(), prompt, {});
  for (const std::int32_t token : free) {
    whole.push(token);
  }
  whole.finish();
  REQUIRE(whole.text().size() > 3);
  const std::string stop = whole.text().substr(1, 2);
  const GeneratedText text =
      alone(model,
            {.prompt = prompt,
             .stop = {.strings = {stop}, .max_new = 4, .at_end_of_turn = AtEndOfTurn::go_on}});
  CHECK(text.text == whole.text().substr(0, whole.text().find(stop)));
  CHECK(text.ended == Ended::string);
  const Model without = altered(model, [](ModelConfig&, Weights&) {});
  CHECK_THROWS_AS(alone(without, {.prompt = prompt, .stop = {.strings = {"x"}}}), DataError);
}

TEST_CASE("log-probabilities are those of a pass over the whole text") {
  const Model model = load(huggingface_fixture("gpt2"));
  const Tokens prompt{5, 9, 7, 3};
  const GeneratedText text = alone(model,
                                   {.prompt = prompt,
                                    .sampler = {.temperature = 2.0, .seed = 5},
                                    .stop = kSix,
                                    .top_logprobs = 3});
  Tokens tokens = prompt;
  for (const WrittenToken& written : text.tokens) {
    const Tensor logits = model.forward(Batch({tokens}), {.logits = Logits::last}).logits[0];
    const std::vector<float> expected = to_floats(at::log_softmax(logits, -1));
    CHECK(written.logprob ==
          Approx(expected[static_cast<std::size_t>(written.token)]).margin(1e-4));
    REQUIRE(written.top.size() == 3);
    CHECK(written.top.front().token == likeliest(logits.unsqueeze(0)).front());
    CHECK(written.top.front().logprob >= written.top.back().logprob);
    CHECK(written.top[1].logprob ==
          Approx(expected[static_cast<std::size_t>(written.top[1].token)]).margin(1e-4));
    tokens.push_back(written.token);
  }
}

TEST_CASE("a prompt that begins like one before goes on from its keys") {
  const Model model = load(huggingface_fixture("gpt2"));
  const auto prefixes = std::make_shared<PrefixCache>(1 << 20);
  Generation generation(model, {.prefixes = prefixes});
  const std::vector<Tokens> prompts{{5, 9, 7, 3}, {5, 9, 7, 3}, {5, 9, 7, 8, 2}, {6, 1}, {5}};
  for (const Tokens& prompt : prompts) {
    generation.join({.prompt = prompt, .stop = kSix});
  }
  CHECK(prefixes->hits() == 2);
  while (generation.step()) {
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    CAPTURE(i);
    CHECK(ids(generation.text(i)) == greedy_alone(model, prompts[i], 6));
  }
  PrefixCache none(8);
  KvCache cache(model.config());
  (void)model.forward(Batch({{5, 9}}), {.cache = &cache});
  none.keep({5, 9}, "", cache);
  CHECK(none.bytes_held() == 0);
  CHECK_FALSE(none.find({5, 9, 7}, ""));
  prefixes->keep({5, 9}, "xxh3:1", cache);
  CHECK_FALSE(prefixes->find({5, 9, 7}, "xxh3:1"));  // its edits may ask where the prompt ends
  CHECK(prefixes->find({5, 9}, "xxh3:1"));
  CHECK_FALSE(prefixes->find({5, 9}, "xxh3:2"));
}

TEST_CASE("a sampler draws by temperature, rank and nucleus, the same for the same seed") {
  const Tensor logits = at::tensor({1.0, 3.0, 2.0, 3.0, -1.0}, at::kFloat).unsqueeze(0);
  CHECK(counts({}, logits, 5) == std::map<std::int32_t, int>{{1, 5}});
  const auto half = counts({.temperature = 0.5, .seed = 3}, logits, 4000);
  CHECK(half == counts({.temperature = 0.5, .seed = 3}, logits, 4000));
  CHECK(half != counts({.temperature = 0.5, .seed = 4}, logits, 4000));
  const Tensor p = at::softmax(logits / 0.5, -1)[0];
  for (const auto& [token, count] : half) {  // 5 standard deviations
    const double share = p[token].item().toDouble();
    CHECK(std::abs(count - 4000 * share) < 5 * std::sqrt(4000 * share * (1 - share)) + 1);
  }
  const auto ranked = counts({.temperature = 2.0, .top_k = 3}, logits, 500);
  CHECK(ranked.size() == 3);
  CHECK(ranked.count(0) + ranked.count(4) == 0);
  const double two = at::softmax(logits, -1)[0].slice(0, 1, 4, 2).sum().item().toDouble();
  const auto nucleus = counts({.temperature = 1.0, .top_p = two - 0.01}, logits, 500);
  CHECK(nucleus.size() == 2);
  CHECK(nucleus.count(1) + nucleus.count(3) == 2);
  CHECK(counts({.temperature = 1.0, .top_p = two + 0.01}, logits, 500).count(2) == 1);
  CHECK(counts({.temperature = 1.0, .min_p = 0.3}, logits, 500).size() == 3);  // e^-1 = 0.37
  CHECK(counts({.temperature = 1.0, .min_p = 0.4}, logits, 500).size() == 2);
  CHECK(counts({.temperature = 0.5, .min_p = 0.3}, logits, 500).size() == 2);  // e^-2 = 0.14
}

TEST_CASE("a draw among many unlikely tokens does not follow the rounding of their logits") {
  Random random(1, "logits");
  const auto number = [&] { return static_cast<float>(random.below(1000000)) / 1e6F; };
  std::vector<float> logits;
  std::vector<float> rounded;
  for (int i = 0; i < 20000; ++i) {
    logits.push_back(6.0F * number());
    rounded.push_back(logits.back() + 1e-5F * (number() - 0.5F));
  }
  for (const SamplerOptions& options :
       {SamplerOptions{.temperature = 1.3}, {.temperature = 1.3, .top_p = 0.9}}) {
    int others = 0;
    std::set<std::int32_t> tokens;
    for (std::uint64_t step = 0; step < 300; ++step) {
      const std::int32_t token = Sampler(options).pick(logits, {}, {0, step});
      tokens.insert(token);
      others += Sampler(options).pick(rounded, {}, {0, step}) == token ? 0 : 1;
    }
    CHECK(tokens.size() > 200);
    CHECK(others <= 1);
  }
}

TEST_CASE("a sampled text draws each token anew, by its number in the text") {
  const Model model = load(huggingface_fixture("gpt2"));
  const SamplerOptions sampled{.temperature = 5.0, .seed = 7};
  const GeneratedText written =
      alone(model, {.prompt = {5, 9, 7, 3}, .sampler = sampled, .stop = kSix});
  Tokens text{5, 9, 7, 3};
  for (std::uint64_t number = 0; number < 6; ++number) {
    const Tensor logits = model.forward(Batch({text}), {.logits = Logits::last}).logits;
    text.push_back(Sampler(sampled).pick(to_floats(logits[0]), {}, {0, number}));
  }
  CHECK(ids(written) == Tokens(text.begin() + 4, text.end()));
}

TEST_CASE("a sampler refuses what is no distribution") {
  CHECK_THROWS_WITH(Sampler({.temperature = -1.0}), contains("temperature of -1"));
  CHECK_THROWS_WITH(Sampler({.top_k = -1}), contains("top_k of -1"));
  CHECK_THROWS_WITH(Sampler({.top_p = 0.0}), contains("top_p of 0"));
  CHECK_THROWS_WITH(Sampler({.min_p = 1.5}), contains("min_p of 1.5"));
  CHECK_THROWS_WITH(Sampler({.repetition_penalty = 0.0}), contains("penalty of 0"));
  const Tensor broken = at::full({1, 4}, std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_WITH(likeliest(broken), contains("not numbers"));
  CHECK_THROWS_WITH(Sampler({.temperature = 1.0}).pick(to_floats(broken[0]), {}, {}),
                    contains("not numbers"));
}

TEST_CASE("the repetition penalty divides what is positive and multiplies what is negative, once") {
  const Sampler sampler({.repetition_penalty = 2.0});
  CHECK_FALSE(sampler.greedy());
  const std::vector<float> logits{1.0F, 3.0F, 2.0F};
  CHECK(sampler.pick(logits, std::vector<std::int32_t>{2}, {}) == 1);
  CHECK(sampler.pick(logits, std::vector<std::int32_t>{1, 1}, {}) == 2);  // 1.5, not 0.75
  const std::vector<float> negative{-1.0F, -1.5F};
  CHECK(sampler.pick(negative, std::vector<std::int32_t>{0}, {}) == 1);  // -2
}

TEST_CASE("a text that would grow out of how its positions turn is refused before it begins") {
  const Model model = load(huggingface_fixture("phi3_longrope"));  // turns otherwise beyond 10
  const Tokens prompt{5, 9, 30, 41, 7, 8, 60, 61};
  const auto written = [&](std::int64_t max_new) {
    return alone(model, {.prompt = prompt, .stop = {.max_new = max_new}}).tokens.size();
  };
  CHECK(written(3) == 3);
  CHECK_THROWS_WITH(written(4), contains("8 tokens") && contains("write at most 3 tokens"));
  const Tokens longer{5, 9, 30, 41, 7, 8, 60, 61, 62, 63, 64};
  CHECK(alone(model, {.prompt = longer, .stop = {.max_new = 5}}).tokens.size() == 5);

  KvCache cache(model.config());
  NoTap nobody;
  (void)model.forward(batch_of({prompt}), nobody, {.cache = &cache});
  std::int64_t steps = 0;
  const auto count = [&](const DecodeStep&) { ++steps; };
  const DecodeOptions four{.max_new = 4, .ends = [](std::int32_t) { return false; }};
  CHECK_THROWS_AS(greedy_decode(model, cache, {62}, four, nobody, count), UsageError);
  CHECK(steps == 0);
}
