// Examples as they are read and split, and the score they are judged by, against plain loops.
#include "analyses/steering/steer_data.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <ATen/ops/linspace.h>
#include <ATen/ops/log_softmax.h>

#include "analyses/metric/summary.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/contrast.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_choice.h"
#include "hooks/edits.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Σ log p of `tail` behind `prompt`, from a pass of that one row.
double log_prob(const Model& model,
                const std::vector<std::int32_t>& prompt,
                const std::vector<std::int32_t>& tail) {
  std::vector<std::int32_t> row = prompt;
  row.insert(row.end(), tail.begin(), tail.end());
  const Tensor logits = model.forward(Batch({row})).logits[0];
  double sum = 0.0;
  for (std::size_t i = 0; i < tail.size(); ++i) {
    const auto column = static_cast<std::int64_t>(prompt.size() + i) - 1;
    sum += at::log_softmax(logits[column], 0)[tail[i]].item<double>();
  }
  return sum;
}

}  // namespace

TEST_CASE("an item's continuations are the tokens they add, and its score the log of their odds") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  for (const std::string positive : {"c", " was great"}) {  // one token, and several
    CAPTURE(positive);
    const SteerData data = data_of(pair_lines(positive, "d"), model, folder);
    REQUIRE(data.items.size() == 12);
    const std::vector<double> scores = Contrast(data, 40).scores(model, unchanged);
    for (std::size_t i = 0; i < data.items.size(); ++i) {
      const SteerItem& item = data.items[i];
      CHECK(item.prompt.tokens ==
            model.tokenizer().encode(item.prompt.text, PrependBos::automatic));
      const double want = log_prob(model, item.prompt.tokens, item.positive.front()) -
                          log_prob(model, item.prompt.tokens, item.negative.front());
      CHECK(scores[i] == Approx(want).margin(1e-4));
    }
  }
}

TEST_CASE("the items of a task are judged by all their answers together") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data = data_of(
      R"({"clean_tokens": [5, 6, 7], "corrupted_tokens": [5, 9, 7], "answer_tokens": [11, 12], "wrong_tokens": [13]})"
      "\n"
      R"({"clean_tokens": [8, 6], "corrupted_tokens": [8, 9], "answer_tokens": [20], "wrong_tokens": [21, 22, 23]})",
      model,
      folder);
  REQUIRE(data.items.size() == 2);
  CHECK(data.items[1].corrupted->tokens == std::vector<std::int32_t>{8, 9});
  const std::vector<double> scores = Contrast(data).scores(model, unchanged);
  const auto p = [&](const std::vector<std::int32_t>& prompt, std::int32_t token) {
    return std::exp(log_prob(model, prompt, {token}));
  };
  const std::vector<std::int32_t> a{5, 6, 7};
  const std::vector<std::int32_t> b{8, 6};
  CHECK(scores[0] == Approx(std::log(p(a, 11) + p(a, 12)) - std::log(p(a, 13))).margin(1e-4));
  CHECK(scores[1] ==
        Approx(std::log(p(b, 20)) - std::log(p(b, 21) + p(b, 22) + p(b, 23))).margin(1e-4));
}

TEST_CASE("an edit of the prompt's last token leaves a continuation of several tokens alone") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData data = data_of(pair_lines(" was great", "d"), model, folder);
  Intervention edit{.site = "blocks.1.hook_resid_post", .op = Op::add, .factor = 3.0};
  edit.where.positions = {{-1}};
  edit.values.name = "v";
  const Tensor v = at::linspace(-1.0, 1.0, model.config().d_model, at::kFloat);
  const std::vector<double> scores =
      Contrast(data, 60).scores(model, taps_of(model, {edit}, {{"v", v}}));
  // The same with the position counted from the beginning, in a pass of each row.
  const auto changed = [&](const SteerItem& item, const std::vector<std::int32_t>& tail) {
    std::vector<std::int32_t> row = item.prompt.tokens;
    const std::int64_t last = std::ssize(row) - 1;
    row.insert(row.end(), tail.begin(), tail.end());
    Edits edits;
    edits.at("blocks.1.hook_resid_post", {.positions = {{last}}}).add(v, 3.0);
    const Tensor log_probs =
        at::log_softmax(model.forward(Batch({row}), edits, {.logits = Logits::all}).logits[0], -1);
    double sum = 0.0;
    for (std::size_t i = 0; i < tail.size(); ++i) {
      sum += log_probs[last + static_cast<std::int64_t>(i)][tail[i]].item<double>();
    }
    return sum;
  };
  for (std::size_t i = 0; i < data.items.size(); ++i) {
    const SteerItem& item = data.items[i];
    CHECK(scores[i] ==
          Approx(changed(item, item.positive.front()) - changed(item, item.negative.front()))
              .margin(1e-4));
  }
}

TEST_CASE("a head's z times its gradient is the slope of the score in its scale") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  for (const std::string positive : {"c", " was great"}) {
    CAPTURE(positive);
    const Contrast contrast(data_of(pair_lines(positive, "d"), model, folder), 60);
    const HeadScores slopes = estimated_effects(model, contrast, Site::z, value_times_gradient);
    for (const HeadId head : {HeadId{0, 1}, HeadId{2, 3}}) {
      const auto mean_at = [&](double factor) {
        const auto scores =
            contrast.scores(model, taps_of(model, at_heads({head}, Op::scale, factor)));
        return mean_of(scores);
      };
      const double slope = (mean_at(1.02) - mean_at(0.98)) / 0.04;
      CHECK(slopes[head] == Approx(slope).epsilon(0.02).margin(1e-4));
    }
  }
}

TEST_CASE("a split is seeded, takes the share it is told of each label, and loses nothing") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    lines +=
        "{\"text\": \"a b" + std::to_string(i) + "\", \"label\": " + (i < 12 ? "1" : "0") + "}\n";
  }
  const SteerData data = data_of(lines, model, folder);
  const auto ids = [](const SteerData& part) {
    std::set<std::string> found;
    for (const SteerItem& item : part.items) {
      found.insert(item.id);
    }
    return found;
  };
  const SteerSplit split = split_of(data, 0.25, 7);
  CHECK(split.held_out.items.size() == 5);
  const auto positive = std::count_if(split.held_out.items.begin(),
                                      split.held_out.items.end(),
                                      [](const SteerItem& item) { return *item.label; });
  CHECK(positive == 3);
  std::set<std::string> all = ids(split.fit);
  all.merge(ids(split.held_out));
  CHECK(all.size() == 20);
  CHECK(ids(split_of(data, 0.25, 7).held_out) == ids(split.held_out));
  CHECK(ids(split_of(data, 0.25, 8).held_out) != ids(split.held_out));
  CHECK_THROWS_AS(split_of(data, 0.01, 7), UsageError);
  CHECK_THROWS_WITH(Contrast(data), contains("labelled texts"));
}

TEST_CASE("examples that cannot be used are refused, naming the line") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const auto fails = [&](const std::string& lines, const std::string& message) {
    CAPTURE(lines);
    CHECK_THROWS_WITH(data_of(lines, model, folder), contains(message));
    CHECK_THROWS_AS(data_of(lines, model, folder), DataError);
  };
  const std::string pair = R"({"prompt": "a b", "positive": "c", "negative": "d"})";
  const std::string text = R"({"text": "a b", "label": 1})";
  fails("", "no examples");
  fails(pair + "\n" + text, "data.jsonl:2");
  fails(R"({"prompt": "a b", "positive": "", "negative": "d"})", "\"positive\" changes");
  fails(R"({"prompt": "a b", "positive": "c", "negative": "c"})", "the same tokens");
  fails(R"({"prompt": "a b", "positive": "c"})", "negative");
  fails(R"({"text": "a b", "label": 2})", "\"label\" is 1");
  fails(text, "all texts have one label");
  fails(R"({"text": "a b", "labels": 1})", "labels");
}
