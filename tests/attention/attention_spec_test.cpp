// Every field of a layer's AttentionSpec against a plain loop over queries and keys, and a model
// that has them against itself run another way.
#include <algorithm>
#include <cmath>

#include <ATen/Context.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

#include "hooks/statistics_tap.h"
#include "lib/attention/spec.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/attention_builder.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

struct SpecCase {
  std::string name;
  AttentionSpec spec;
};

constexpr std::int64_t kHeads = 4;

std::vector<SpecCase> spec_cases() {
  at::manual_seed(3);
  const AttentionSpec plain{.scale = 0.4};
  std::vector<SpecCase> cases{{"plain", plain}};
  const auto add = [&](const std::string& name, const std::function<void(AttentionSpec&)>& set) {
    cases.push_back({name, plain});
    set(cases.back().spec);
  };
  add("temperature", [](AttentionSpec& s) { s.head_scale = at::rand({kHeads}) + 0.5; });
  add("soft-cap", [](AttentionSpec& s) { s.softcap = 1.5; });
  add("window", [](AttentionSpec& s) { s.window = 3; });
  add("slopes", [](AttentionSpec& s) { s.alibi = at::rand({kHeads}); });
  add("bias by distance", [](AttentionSpec& s) { s.distance_bias = at::randn({kHeads, 4}); });
  add("sinks", [](AttentionSpec& s) { s.sinks = at::randn({kHeads}); });
  add("relu", [](AttentionSpec& s) { s.normalizer = PatternNormalizer::relu; });
  add("full", [](AttentionSpec& s) { s.visibility = Visibility::full; });
  add("all", [&](AttentionSpec& s) {
    s = {.scale = 0.4,
         .head_scale = at::rand({kHeads}) + 0.5,
         .softcap = 2.0,
         .window = 5,
         .alibi = at::rand({kHeads}),
         .distance_bias = at::randn({kHeads, 4}),
         .sinks = at::randn({kHeads})};
  });
  add("all, full", [&](AttentionSpec& s) {
    s = cases[cases.size() - 2].spec;
    s.visibility = Visibility::full;
  });
  add("all, relu", [&](AttentionSpec& s) {
    s = cases[cases.size() - 3].spec;
    s.sinks = Tensor();
    s.normalizer = PatternNormalizer::relu;
  });
  return cases;
}

double number(const Tensor& t, std::int64_t h, double otherwise) {
  return t.defined() ? t[h].item().toDouble() : otherwise;
}

// z of one query: sums in double, no mask but the definition's words.
std::vector<double> plain_z(const AttentionInputs& in,
                            const BatchLayout& layout,
                            std::int64_t b,
                            std::int64_t h,
                            std::int64_t i) {
  const AttentionSpec& s = in.spec;
  const std::int64_t group = h / (in.q.size(2) / in.k.size(2));
  const std::int64_t self = layout.past + i;
  double sum = s.sinks.defined() ? std::exp(number(s.sinks, h, 0)) : 0.0;
  std::vector<double> z(static_cast<std::size_t>(in.v.size(3)));
  for (std::int64_t j = layout.pads[static_cast<std::size_t>(b)]; j < in.k.size(1); ++j) {
    const std::int64_t distance = std::abs(self - j);
    const bool later = s.visibility == Visibility::causal && j > self;
    if (later || (s.window > 0 && distance >= s.window)) {
      continue;
    }
    double score = (in.q[b][i][h] * in.k[b][j][group]).sum().item().toDouble();
    score *= s.scale * number(s.head_scale, h, 1.0);
    score = s.softcap > 0 ? s.softcap * std::tanh(score / s.softcap) : score;
    score -= number(s.alibi, h, 0.0) * static_cast<double>(distance);
    if (s.distance_bias.defined()) {
      score += number(s.distance_bias[h], std::min<std::int64_t>(distance, 3), 0.0);
    }
    const bool relu = s.normalizer == PatternNormalizer::relu;
    const double weight = relu ? std::max(score, 0.0) : std::exp(score);
    sum += relu ? 1.0 : weight;
    for (std::size_t d = 0; d < z.size(); ++d) {
      z[d] += weight * in.v[b][j][group][static_cast<std::int64_t>(d)].item().toDouble();
    }
  }
  for (double& each : z) {
    each /= sum;
  }
  return z;
}

}  // namespace

TEST_CASE("both forms of attention equal a plain loop over queries and keys, field by field") {
  at::manual_seed(4);
  const BatchLayout whole{.rows = 2, .columns = 9, .past = 0, .total = 9, .pads = {0, 0}};
  BatchLayout padded = whole;
  padded.pads = {0, 4};
  const BatchLayout later{.rows = 2, .columns = 3, .past = 6, .total = 9, .pads = {2, 0}};
  for (const SpecCase& c : spec_cases()) {
    for (const BatchLayout& layout : {whole, padded, later}) {
      CAPTURE(c.name, layout.past, layout.pads[1]);
      const AttentionInputs in{.q = at::randn({2, layout.columns, kHeads, 8}),
                               .k = at::randn({2, 9, 2, 8}),
                               .v = at::randn({2, 9, 2, 8}),
                               .spec = c.spec,
                               .hidden = hidden_keys(layout, c.spec, at::kCPU)};
      const Tensor fused = fused_attention(in);
      const Tensor pattern = attention_pattern(attention_scores(in), in.spec);
      const Tensor explicitly = apply_pattern(pattern, in.v);
      CHECK(pattern.size(3) == 9);
      Tensor want = fused.clone();
      for (std::int64_t b = 0; b < 2; ++b) {
        const std::int64_t pad = layout.pads[static_cast<std::size_t>(b)];
        for (std::int64_t i = std::max<std::int64_t>(0, pad - layout.past); i < layout.columns;
             ++i) {
          for (std::int64_t h = 0; h < kHeads; ++h) {
            const std::vector<double> z = plain_z(in, layout, b, h, i);
            for (std::size_t d = 0; d < z.size(); ++d) {
              want[b][i][h][static_cast<std::int64_t>(d)].fill_(z[d]);
            }
          }
        }
        const std::int64_t first = std::max<std::int64_t>(0, pad - layout.past);
        CHECK(difference(fused[b].slice(0, first), want[b].slice(0, first)) < 1e-5);
        CHECK(difference(explicitly[b].slice(0, first), want[b].slice(0, first)) < 1e-5);
      }
    }
  }
}

TEST_CASE("a spec of some heads is theirs") {
  const std::vector<SpecCase> cases = spec_cases();
  const auto found =
      std::find_if(cases.begin(), cases.end(), [](const SpecCase& c) { return c.name == "all"; });
  REQUIRE(found != cases.end());
  const AttentionSpec& all = found->spec;
  const AttentionSpec two = of_heads(all, HeadRange{1, 2});
  CHECK(identical(two.sinks, all.sinks.slice(0, 1, 3)));
  CHECK(identical(two.head_scale, all.head_scale.slice(0, 1, 3)));
  CHECK(identical(two.alibi, all.alibi.slice(0, 1, 3)));
  CHECK(identical(two.distance_bias, all.distance_bias.slice(0, 1, 3)));
  CHECK(two.window == all.window);
}

TEST_CASE("what attention has beside a scale is in logits, cache, chunks, padding and statistics") {
  using F = AttentionFeature;
  const std::vector<std::int32_t> longer{5, 9, 7, 3, 8, 6, 4, 11, 12};
  const std::vector<std::int32_t> shorter{9, 4, 7, 6};
  for (const F feature :
       {F::temperature, F::biases, F::sinks, F::full, F::all_causal, F::all, F::relu}) {
    const Model without = load(huggingface_fixture("llama3_gqa_tied"));
    const Model model = with_feature(without, feature);
    CAPTURE(to_string(feature));
    const Tensor plain = model.forward(Batch({longer})).logits;
    CHECK(difference(plain, without.forward(Batch({longer})).logits) > 1e-4);
    const bool told = to_json(model.config()) != to_json(without.config());
    CHECK(told == (feature != F::sinks));
    CHECK(forms_scores(model.config()) == (feature != F::sinks && feature != F::full));

    const Tensor both = model.forward(Batch({longer, shorter})).logits;
    CHECK(difference(both.narrow(0, 0, 1), plain) < 1e-5);
    CHECK(difference(both.narrow(0, 1, 1).slice(1, 5), model.forward(Batch({shorter})).logits) <
          1e-5);

    std::vector<AttentionStatistics> statistics;
    StatisticsRequest request;
    request.entropy = request.columns = true;
    StatisticsTap tap(request,
                      [&](const Visit&, const AttentionStatistics& s) { statistics.push_back(s); });
    CHECK(identical(model.forward(Batch({longer, shorter}), tap).logits, both));
    Watch watch(Site::pattern);
    CHECK(identical(model.forward(Batch({longer, shorter}), watch).logits, both));
    for (std::size_t layer = 0; layer < statistics.size(); ++layer) {
      Tensor p = watch.at(Site::pattern, static_cast<int>(layer)).clone();
      p[1].narrow(1, 0, 5).fill_(0.0);  // rows of padding
      CHECK(difference(statistics[layer].column_mass, p.sum(2)) < 1e-5);
      const Tensor terms = at::where(p > 0, p * p.log(), 0.0);
      CHECK(difference(statistics[layer].entropy, terms.sum(-1).neg()) < 1e-5);
      const bool has_sinks = model.attention(0).sinks.defined();
      CHECK((p[0].sum(-1).min().item<float>() < 0.999F) == (has_sinks || feature == F::relu));
    }
    KvCache cache(model.config());
    const std::vector<std::vector<std::int32_t>> halves{{longer.begin(), longer.begin() + 4},
                                                        {longer.begin() + 4, longer.end()}};
    model.forward(Batch({halves[0]}), {.cache = &cache});
    const Batch rest({halves[1]});
    if (is_causal(model.config())) {
      CHECK(difference(model.forward(rest, {.cache = &cache}).logits, plain.slice(1, 4)) < 1e-5);
      CHECK(difference(model.forward(Batch({longer}), {.chunk = 2}).logits, plain) < 1e-5);
    } else {
      CHECK_THROWS_WITH(model.forward(rest, {.cache = &cache}), contains("a prompt runs whole"));
      CHECK_THROWS_AS(model.forward(Batch({longer}), {.chunk = 2}), UsageError);
    }
  }
}

TEST_CASE("numbers a head that do not fit the heads are refused") {
  const Model model = load(huggingface_fixture("llama"));
  CHECK_THROWS_WITH(
      altered(model, [](ModelConfig& c, Weights&) { c.layers[0].head_scale = {1.0}; }),
      contains("head_scale has 1 numbers"));
  CHECK_THROWS_WITH(altered(model,
                            [](ModelConfig& c, Weights&) {
                              c.layers[1].alibi.assign(static_cast<std::size_t>(c.n_heads), -1.0);
                            }),
                    contains("alibi is -1"));
  CHECK_THROWS_WITH(
      altered(model, [](ModelConfig&, Weights& w) { w.blocks[0].sinks = at::zeros({1}); }),
      contains("sinks of attention is 1"));
  CHECK_THROWS_WITH(altered(model,
                            [](ModelConfig& c, Weights& w) {
                              c.normalizer = PatternNormalizer::relu;
                              w.blocks[0].sinks = at::zeros({c.n_heads});
                            }),
                    contains("sinks of attention are part of a softmax"));
}
