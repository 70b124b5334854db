// Ops of attention and of subspaces, against plain loops over elements.
#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "tests/hooks/changed_patterns.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("renormalize multiplies the weights of keys and renormalises a query's (PASTA)") {
  for (const std::string& family : kOpFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const Changed values = pattern_with(
        model,
        R"([{"site": "blocks.1.attn.hook_attn_scores", "heads": [1], "op": "renormalize",
             "factor": 0.01, "keys": {"except": {"from": 1, "to": 3}}}])");
    check_patterns(values, [](auto b, auto head, auto, Row weights) {
      for (std::int64_t key = 0; head == 1 && key < 6; ++key) {
        const std::int64_t token = key - kOpPads[b];
        weights[static_cast<std::size_t>(key)] *= token == 1 || token == 2 ? 1.0 : 0.01;
      }
      return normalised(weights);
    });
    Edits one(ops_of(R"([{"site": "blocks.1.attn.hook_attn_scores", "op": "renormalize",
                          "factor": 1}])"));
    CHECK(difference(model.forward(Batch({{5, 6, 7}}), one).logits,
                     model.forward(Batch({{5, 6, 7}})).logits) < 1e-5);
  }
}

TEST_CASE("a temperature sharpens or flattens what chosen queries attend to, fused or not") {
  for (const std::string& family : kOpFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string list =
        R"([{"site": "blocks.1.attn.hook_attn_scores", "heads": [0], "op": "bias", "bias": 1,
             "keys": {"positions": 1}},
            {"site": "blocks.1.attn.hook_attn_scores", "heads": [0], "op": "temperature",
             "temperature": 0.25, "apply": {"positions": {"from": 1}}}])";
    // softmax(s / τ) ∝ softmax(s)^(1/τ); the bias came before.
    check_patterns(pattern_with(model, list), [](auto b, auto head, auto position, Row weights) {
      if (head == 0) {
        weights[static_cast<std::size_t>(1 + kOpPads[b])] *= std::exp(1.0);
        for (double& each : weights) {
          each = position == 0 ? each : std::pow(each, 4.0);
        }
      }
      return normalised(weights);
    });
    Edits fused(ops_of(list));
    Edits formed(ops_of(list));
    IdentityEdit explicitly(Site::pattern);
    const Batch batch({{5, 6, 7, 8, 9}});
    CHECK(difference(model.forward(batch, fused).logits,
                     model.forward(batch, formed | explicitly).logits) < 2e-5);
  }
}

TEST_CASE("top_k keeps a query's largest weights, and their sum what it was") {
  for (const std::string& family : kOpFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    check_patterns(
        pattern_with(model, R"([{"site": "blocks.1.attn.hook_pattern", "op": "top_k", "k": 2,
                                 "heads": [1], "apply": {"positions": {"from": -3}}}])"),
        [](auto b, auto head, auto position, Row weights) {
          if (head == 1 && position >= (b == 0 ? 3 : 1)) {
            Row sorted = weights;
            std::sort(sorted.rbegin(), sorted.rend());
            for (double& each : weights) {
              each = each >= sorted[1] ? each : 0.0;
            }
          }
          return normalised(weights);
        });
  }
}

TEST_CASE("a row of a pattern is what is given, and nothing that a query does not see") {
  const Model model = load(huggingface_fixture("llama"));
  check_patterns(pattern_with(model,
                              R"([{"site": "blocks.1.attn.hook_pattern", "op": "set_row",
                                   "heads": [2], "apply": {"positions": [2, -1]},
                                   "values": [0.25, 0.5, 0.25]}])"),
                 [](auto b, auto head, auto position, Row weights) {
                   if (head == 2 && (position == 2 || position == (b == 0 ? 5 : 3))) {
                     std::fill(weights.begin(), weights.end(), 0.0);
                     const auto pad = static_cast<std::size_t>(kOpPads[b]);
                     weights[pad] = weights[pad + 2] = 0.25;
                     weights[pad + 1] = 0.5;
                   }
                   return weights;
                 });
  const auto fails = [&](const std::string& more, const std::string& message) {
    Edits edits(
        ops_of(R"([{"site": "blocks.1.attn.hook_pattern", "op": "set_row", )" + more + "}]"));
    CHECK_THROWS_WITH(model.forward(padded_pair(), edits), contains(message));
  };
  fails(R"("values": [0.25, 0.5, 0.25])", "the query at position 0 of prompt 0");
  fails(R"("values": [0.5, 0.0, 0.0, 0.0, 0.5], "apply": {"positions": -1})",
        "the query at position 3 of prompt 1");
  fails(R"("values": [0.5, 0.25])", "sum to 0.75");
  fails(R"("values": [1.5, -0.5])", "not below 0");
}

TEST_CASE("sinks but the first give of their weight to what a query attends to beside them (ACT)") {
  for (const std::string& family : kOpFamilies) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const double threshold = 0.15;
    const Changed values = pattern_with(
        model,
        R"([{"site": "blocks.1.attn.hook_pattern", "op": "calibrate_sinks", "threshold": 0.15,
             "factor": 0.4, "heads": [0]}])");
    int sinks = 0;
    check_patterns(values, [&](auto b, auto head, auto, Row weights) {
      if (head != 0) {
        return weights;
      }
      std::vector<bool> sink(6, false);
      bool first = true;
      for (std::int64_t key = kOpPads[b]; key < 6; ++key) {
        double sum = 0;
        for (std::int64_t query = key; query < 6; ++query) {
          sum += row_of(values.before, b, head, query)[static_cast<std::size_t>(key)];
        }
        const bool above = sum / static_cast<double>(6 - key) > threshold;
        sink[static_cast<std::size_t>(key)] = above && !first;
        sinks += above && !first ? 1 : 0;
        first = first && !above;
      }
      double freed = 0, others = 0;
      for (std::size_t key = 0; key < 6; ++key) {
        (sink[key] ? freed : others) += weights[key];
      }
      freed *= 0.6;
      for (std::size_t key = 0; others > 0 && key < 6; ++key) {
        weights[key] = sink[key] ? 0.4 * weights[key] : weights[key] * (1 + freed / others);
      }
      return weights;
    });
    CHECK(sinks > 0);
    Edits chunked(ops_of(R"([{"site": "blocks.1.attn.hook_pattern", "op": "calibrate_sinks",
                              "threshold": 0.1, "factor": 0.4}])"));
    CHECK_THROWS_WITH(model.forward(padded_pair(), chunked, {.chunk = 3}),
                      contains("run prompts whole"));
  }
}

TEST_CASE("low rank keeps what lies along the directions, of all heads or of each") {
  const Model model = load(huggingface_fixture("llama"));
  const std::string q = "blocks.1.attn.hook_q";
  const std::int64_t d = model.config().d_head;
  const std::int64_t heads = model.config().n_heads;
  Recorder plain(std::vector<std::string>{q});
  model.forward(padded_pair(), plain);
  for (const bool each : {false, true}) {
    CAPTURE(each);
    const Tensor directions =
        each ? at::arange(heads * 2 * d).view({heads, 2, d}).to(at::kFloat).sin()
             : at::arange(2 * d).view({2, d}).to(at::kFloat).sin();
    Edits edits;
    edits.at(q, {.heads = {{0, 3}}}).low_rank(directions);
    Recorder seen(std::vector<std::string>{q});
    model.forward(padded_pair(), edits | seen);
    const Tensor before = plain.at(q);
    const Tensor after = seen.at(q);
    for (std::int64_t head = 0; head < heads; ++head) {
      if (head != 0 && head != 3) {
        CHECK(identical(after.select(2, head), before.select(2, head)));
        continue;
      }
      const Tensor of_head = each ? directions[head] : directions;
      // Gram and Schmidt by hand.
      const Tensor a = of_head[0] / of_head[0].norm();
      Tensor b = of_head[1] - (of_head[1] * a).sum() * a;
      b = b / b.norm();
      const Tensor x = before.select(2, head);
      const Tensor want = (x * a).sum(-1, true) * a + (x * b).sum(-1, true) * b;
      CHECK(difference(after.select(2, head), want) < 1e-5);
    }
  }
  const auto fails = [&](const Tensor& directions, const std::string& message) {
    Edits edits;
    edits.at(q).low_rank(directions);
    CHECK_THROWS_WITH(model.forward(padded_pair(), edits), contains(message));
  };
  fails(at::ones({2, d}), "not independent");
  fails(at::ones({1, d + 1}), "do not fit");
  fails(at::ones({d + 1, d}), "with r up to d");
  fails(at::ones({heads + 1, 1, d}), "do not fit");
}

TEST_CASE("ops of attention say what they ask") {
  const Model model = load(huggingface_fixture("llama"));
  const auto fails = [&](const std::string& edit, const std::string& message) {
    CAPTURE(edit);
    CHECK_THROWS_WITH(model.forward(padded_pair(), Edits(ops_of("[{" + edit + "}]"))),
                      contains(message));
  };
  const std::string scores = R"("site": "blocks.1.attn.hook_attn_scores", "op": )";
  const std::string pattern = R"("site": "blocks.1.attn.hook_pattern", "op": )";
  fails(scores + R"("temperature", "temperature": 0)", "above 0");
  fails(scores + R"("temperature")", "needs \"temperature\"");
  fails(scores + R"("temperature", "temperature": 2, "keys": {"positions": 0})",
        "no pairs and no keys");
  fails(scores + R"("renormalize", "factor": -1)", "above 0");
  fails(scores +
            R"("renormalize", "strength": {"schedule": "linear", "from": 1, "to": 0, "steps": 2})",
        "above 0");
  fails(scores + R"("top_k", "k": 1)", "hook_pattern");
  fails(pattern + R"("top_k")", "k is not at least 1");
  fails(pattern + R"("renormalize", "factor": 2)", "hook_attn_scores");
  fails(pattern + R"("calibrate_sinks", "threshold": 0.1)", "needs \"factor\"");
  fails(pattern + R"("calibrate_sinks", "threshold": 0.1, "factor": 2)", "from 0 to 1");
  fails(pattern + R"("set_row")", "needs values");
  const OrderedJson json = to_json(ops_of(
      R"([{"site": "a", "op": "temperature", "temperature": 2.0}, {"site": "a", "op": "top_k", "k": 3},
          {"site": "a", "op": "calibrate_sinks", "threshold": 0.25, "factor": 0.5},
          {"site": "a", "op": "renormalize", "factor": 0.5},
          {"site": "a", "op": "low_rank", "values": [[1.0, 0.0]]}])"));
  CHECK(to_json(interventions_from_json(Json::parse(json.dump()), "x")) == json);
  CHECK(json["interventions"][0]["temperature"] == 2.0);
  CHECK(json["interventions"][1]["k"] == 3);
  CHECK(json["interventions"][2]["threshold"] == 0.25);
}
