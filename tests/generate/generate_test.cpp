// Generation against one text at a time run anew for every token; the sampler against what its
// words say.
#include "lib/generate/generate.h"

#include <algorithm>
#include <map>

#include <ATen/ops/argmax.h>
#include <ATen/ops/tensor.h>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Tokens = std::vector<std::int32_t>;

Tokens greedy_alone(const Model& model, Tokens text, std::size_t count) {
  Tokens written;
  while (written.size() < count) {
    const Tensor logits = model.forward(Batch({text}), {.logits = Logits::last}).logits;
    written.push_back(static_cast<std::int32_t>(at::argmax(logits, -1).item<std::int64_t>()));
    text.push_back(written.back());
  }
  return written;
}

// How often each token of `logits` is drawn.
std::map<std::int32_t, int> counts(const SamplerOptions& options, const Tensor& logits, int draws) {
  const Sampler sampler(options);
  std::map<std::int32_t, int> found;
  for (int i = 0; i < draws; ++i) {
    ++found[sampler.pick(logits, {{7, static_cast<std::uint64_t>(i)}}).front()];
  }
  return found;
}

}  // namespace

TEST_CASE("texts that join and leave a running batch are what each is alone") {
  for (const std::string name : {"gpt2", "gemma3"}) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    const std::vector<Tokens> prompts{{5, 9, 7, 3}, {8}, {6, 4, 11, 12, 9, 5, 8}, {3, 3}};
    Generation generation(model, {.stop = {.max_new = 6}});
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      CHECK(generation.join(prompts[i]) == i);
      generation.step();
    }
    generation.leave(2);
    const std::size_t left = generation.text(2).written.size();
    while (generation.step()) {
    }
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      CAPTURE(i);
      CHECK(generation.text(i).written == greedy_alone(model, prompts[i], i == 2 ? left : 6));
      CHECK(generation.text(i).ended == (i == 2 ? Ended::no : Ended::length));
    }
    CHECK(generation.running().empty());
  }
}

TEST_CASE("a text ends by an id, at its length, or with the context") {
  const Model model = load(huggingface_fixture("gpt2"));
  const Tokens prompt{5, 9, 7, 3};
  const Tokens free = greedy_alone(model, prompt, 5);
  const std::int32_t stop = free[2];
  const auto first = std::find(free.begin(), free.end(), stop) + 1;
  Generation by_id(model, {.stop = {.ids = {stop}, .max_new = 5}});
  by_id.join(prompt);
  while (by_id.step()) {
  }
  CHECK(by_id.text(0).written == Tokens(free.begin(), first));
  CHECK(by_id.text(0).ended == Ended::id);

  const Model small = altered(model, [](ModelConfig& c, Weights& w) {
    c.n_ctx = 6;
    w.W_pos = w.W_pos.slice(0, 0, 6);
  });
  Generation full(small, {.stop = {.max_new = 50}});
  full.join(prompt);
  full.join({5});
  while (full.step()) {
  }
  CHECK(full.text(0).written ==
        greedy_alone(small, prompt, 3));  // the last token needs no position
  CHECK(full.text(0).ended == Ended::context);
  CHECK(full.text(1).written.size() == 6);
  CHECK_THROWS_AS(full.join(Tokens(7, 3)), UsageError);
}

TEST_CASE("a text ends with a string that lies across tokens") {
  const Model model = load(huggingface_fixture("llama"));
  const Tokens prompt{5, 9, 7, 3};
  const Tokens free = greedy_alone(model, prompt, 4);
  const std::string text = model.tokenizer().decode(free);
  const std::string before = model.tokenizer().decode({free[0], free[1]});
  REQUIRE(model.tokenizer().decode({free[0]}).find(before) == std::string::npos);
  Generation generation(model, {.stop = {.strings = {before}, .max_new = 4}});
  generation.join(prompt);
  while (generation.step()) {
  }
  CHECK(generation.text(0).written == Tokens(free.begin(), free.begin() + 2));
  CHECK(generation.text(0).ended == Ended::string);
  const Model without = altered(model, [](ModelConfig&, Weights&) {});
  CHECK_THROWS_AS(StopWatch(without, {.strings = {"x"}}), DataError);
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
}

TEST_CASE("a sampled text draws each token anew, by its number in the text") {
  const Model model = load(huggingface_fixture("gpt2"));
  const SamplerOptions sampled{.temperature = 5.0, .seed = 7};
  Generation generation(model, {.sampler = sampled, .stop = {.max_new = 6}});
  generation.join({5, 9, 7, 3});
  while (generation.step()) {
  }
  Tokens text{5, 9, 7, 3};
  for (std::uint64_t number = 0; number < 6; ++number) {
    const Tensor logits = model.forward(Batch({text}), {.logits = Logits::last}).logits;
    text.push_back(Sampler(sampled).pick(logits, {{0, number}}).front());
  }
  CHECK(generation.text(0).written == Tokens(text.begin() + 4, text.end()));
}

TEST_CASE("a sampler refuses what is no distribution") {
  CHECK_THROWS_WITH(Sampler({.temperature = -1.0}), contains("temperature of -1"));
  CHECK_THROWS_WITH(Sampler({.top_k = -1}), contains("top_k of -1"));
  CHECK_THROWS_WITH(Sampler({.top_p = 0.0}), contains("top_p of 0"));
  const Tensor broken = at::full({1, 4}, std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_WITH(Sampler(SamplerOptions()).pick(broken, {{}}), contains("not numbers"));
}
