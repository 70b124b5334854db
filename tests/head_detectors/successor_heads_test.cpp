// The successor test on heads that map each token to the next by construction.
#include <algorithm>

#include <ATen/ops/eye.h>
#include <ATen/ops/randn.h>

#include "analyses/head_detectors/detectors.h"
#include "analyses/head_detectors/number_features.h"
#include "analyses/head_detectors/successor_score.h"
#include "lib/families/load.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/head_table.h"
#include "tests/support/induction_model.h"
#include "tests/tasks/word_tokenizer.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Token t → logit of token t + 1, of each list of five among 20 tokens.
std::vector<SuccessionTask> lists() {
  std::vector<SuccessionTask> tasks;
  for (TokenId begin = 2; begin < 17; begin += 5) {
    SuccessionTask task{.name = std::to_string(begin), .pairs = {}, .targets = {}};
    for (TokenId i = 0; i < 4; ++i) {
      task.pairs.emplace_back(begin + i, begin + i + 1);
      task.targets.push_back(begin + i + 1);
    }
    tasks.push_back(task);
  }
  return tasks;
}

// The induction model whose induction head writes token t + 1 where it reads t.
Model successor_model() {
  return altered(induction_model(), [](ModelConfig& c, Weights& weights) {
    Tensor& W_O = weights.blocks[1].W_O;
    const Tensor own = W_O.narrow(1, kInductionHead.head * c.d_head, c.d_head).roll(-1, 1).clone();
    W_O = W_O.clone();
    W_O.narrow(1, kInductionHead.head * c.d_head, c.d_head).copy_(own);
  });
}

constexpr EffectiveEmbedding kWhole{};  // this model's MLP writes nothing

double score(const Model& model, const std::vector<SuccessionTask>& tasks, std::int64_t head) {
  const DetectorContext context{.model = model, .seeds = {0}};
  return successor_hits(context, tasks, kWhole).mean(0)[1][head].item<double>();
}

}  // namespace

TEST_CASE("a head that writes the next token passes, one that copies or writes nothing does not") {
  CHECK(score(successor_model(), lists(), kInductionHead.head) == 1.0);
  CHECK(score(successor_model(), shuffled(lists(), 1), kInductionHead.head) == 0.0);
  CHECK(score(induction_model(), lists(), kInductionHead.head) < 0.3);  // copies
  for (const std::int64_t head : {0, 1, 3}) {
    CAPTURE(head);
    CHECK(score(successor_model(), lists(), head) == 0.0);  // ties are no successor
  }
}

TEST_CASE("shuffled successors belong to another token, and stay the same set") {
  const auto before = lists();
  const auto after = shuffled(before, 3);
  for (std::size_t t = 0; t < before.size(); ++t) {
    std::vector<TokenId> targets;
    for (std::size_t i = 0; i < before[t].pairs.size(); ++i) {
      CHECK(after[t].pairs[i].first == before[t].pairs[i].first);
      CHECK(after[t].pairs[i].second != before[t].pairs[i].second);
      targets.push_back(after[t].pairs[i].second);
    }
    std::sort(targets.begin(), targets.end());
    CHECK(targets == before[t].targets);
  }
}

TEST_CASE("ordered lists are those whose words are single tokens") {
  const Tokenizer tokenizer = load_tokenizer(cached_model().string());
  const Succession spaced = succession_tasks(tokenizer, SuccessionLists::spaced);
  const Succession expanded = succession_tasks(tokenizer, SuccessionLists::expanded);
  const auto task = [](const Succession& data, const std::string& name) {
    for (const SuccessionTask& each : data.tasks) {
      if (each.name == name) {
        return each;
      }
    }
    return SuccessionTask{};
  };
  CHECK(task(spaced, "days").pairs.size() == 7);  // round
  CHECK(task(spaced, "letters").pairs.size() == 25);
  CHECK(task(spaced, "numbers").pairs.empty());  // digits are split
  CHECK(task(expanded, "numbers, no space").pairs.size() == 8);
  CHECK(number_tokens(tokenizer).size() == 10);
  CHECK(expanded.pairs > spaced.pairs);
  CHECK(expanded.dropped > 199);
  for (const auto& [from, to] : task(spaced, "months").pairs) {
    if (tokenizer.piece(from) == " December") {
      CHECK(tokenizer.piece(to) == " January");
    }
  }
}

TEST_CASE("a probe finds the last digit where it is, and arithmetic moves it") {
  const std::int64_t count = 60;
  const Tensor digits = at::eye(10, at::kFloat).repeat({6, 1});
  const Tensor decades = at::eye(6, at::kFloat).repeat_interleave(10, 0);
  const Tensor noise = at::randn({count, 30}, at::kFloat) * 0.05;
  const Tensor rows = at::cat({digits * 3, decades, noise}, 1);
  CHECK(mod10_probe(rows) == 1.0);
  CHECK(mod10_probe(at::randn({count, 46}, at::kFloat)) < 0.4);
  // Reads digit and decade apart: the number after the one the row says, in its decade.
  const auto successor = [&](const Tensor& x) {
    const Tensor digit = x.narrow(1, 0, 10).argmax(1);
    const Tensor decade = x.narrow(1, 10, 6).argmax(1);
    const Tensor next = (decade * 10 + (digit + 1).remainder(10)).unsqueeze(1);
    return at::zeros({x.size(0), count}, at::kFloat).scatter(1, next, 1.0);
  };
  CHECK(mod10_arithmetic(rows, successor) > 0.4);  // in its decade is not always the nearest
  CHECK(mod10_arithmetic(rows, [&](const Tensor& x) {
          return at::randn({x.size(0), count}, at::kFloat);
        }) < 0.1);
}
