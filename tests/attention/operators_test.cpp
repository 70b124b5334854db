// Every operator of heads against its definition in plain loops, alone and in models: batches,
// padding, caches, chunks, looks and statistics give what one pass over a prompt does.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <ATen/Context.h>
#include <ATen/ops/randn.h>

#include "hooks/statistics_tap.h"
#include "lib/attention/operated_heads.h"
#include "lib/attention/operators/operator_choice.h"
#include "lib/base/error.h"
#include "lib/model/attention_builder.h"
#include "lib/model/attention_plan.h"
#include "lib/tensor/ops.h"
#include "tests/attention/plain_operators.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/taps.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kOpHeads = 4;

// Two heads of four have the operator: KV head 0's second and KV head 1's first.
AttentionSpec with_operator(const OperatorChoice& choice) {
  AttentionSpec spec{.scale = 0.4};
  const auto op = choice.make({.layer = 1, .rotation = plain_rotation()});
  spec.operators = {nullptr, op, op, nullptr};
  return spec;
}

AttentionInputs drawn_inputs(const BatchLayout& layout, const AttentionSpec& spec) {
  at::manual_seed(7);
  return {.q = at::randn({2, layout.columns, kOpHeads, 8}),
          .k = at::randn({2, 12, 2, 8}),
          .v = at::randn({2, 12, 2, 8}),
          .spec = spec,
          .hidden = hidden_keys(layout, spec, at::kCPU),
          .pads = layout.padded() ? at::tensor(layout.pads, at::kLong) : Tensor()};
}

// z of one query by the definition in loops.
std::vector<double> loop_z(const AttentionInputs& in,
                           const BatchLayout& layout,
                           const PlainOperator& op,
                           std::int64_t b,
                           std::int64_t i,
                           std::int64_t h) {
  const std::int64_t pad = layout.pads[static_cast<std::size_t>(b)];
  const std::int64_t place = layout.past + i - pad;
  const std::int64_t kv = h / (in.q.size(2) / in.k.size(2));
  PlainQuery query{.layer = 1, .scale = in.spec.scale};
  query.q = floats(in.q[b][i][h]);
  for (std::int64_t j = 0; j <= place; ++j) {
    query.keys.push_back(floats(in.k[b][pad + j][kv]));
    double dot = 0.0;
    for (std::size_t d = 0; d < query.q.size(); ++d) {
      dot += query.q[d] * query.keys.back()[d];
    }
    query.scores.push_back(dot * in.spec.scale);
  }
  const std::vector<double> weights = op(query);
  std::vector<double> z(static_cast<std::size_t>(in.v.size(3)));
  for (std::int64_t j = 0; j <= place; ++j) {
    const std::vector<double> v = floats(in.v[b][pad + j][kv]);
    for (std::size_t d = 0; d < z.size(); ++d) {
      z[d] += weights[static_cast<std::size_t>(j)] * v[d];
    }
  }
  return z;
}

Model planned(const Model& model, const OperatorChoice& choice, std::vector<HeadId> heads) {
  const std::vector<AttentionPlan::Part> parts{{choice, std::move(heads)}};
  return with_attention(model, std::make_shared<AttentionPlan>(parts, model.config()));
}

}  // namespace

TEST_CASE("operators compute their definitions, padded and behind a cache") {
  const BatchLayout whole{.rows = 2, .columns = 12, .past = 0, .total = 12, .pads = {0, 0}};
  BatchLayout padded = whole;
  padded.pads = {0, 5};
  const BatchLayout later{.rows = 2, .columns = 3, .past = 9, .total = 12, .pads = {2, 0}};
  std::map<std::string, bool> covered;
  for (const auto& [text, plain] : plain_operators()) {
    const OperatorChoice choice = parse_operator(text);
    covered[std::string(choice.kind->name)] = true;
    for (const BatchLayout& layout : {whole, padded, later}) {
      CAPTURE(text, layout.past, layout.pads[0], layout.pads[1]);
      const AttentionInputs in = drawn_inputs(layout, with_operator(choice));
      const Tensor z = fused_attention(in);
      const Tensor pattern = attention_pattern(attention_scores(in), in.spec);
      CHECK(difference(apply_pattern(pattern, in.v), z) < 1e-5);
      AttentionInputs bare = in;
      bare.spec.operators.clear();
      const Tensor unchanged = fused_attention(bare);
      CHECK(identical(z.select(2, 0), unchanged.select(2, 0)));
      CHECK(identical(z.select(2, 3), unchanged.select(2, 3)));
      for (std::int64_t b = 0; b < 2; ++b) {
        const std::int64_t pad = layout.pads[static_cast<std::size_t>(b)];
        for (std::int64_t i = std::max<std::int64_t>(0, pad - layout.past); i < layout.columns;
             ++i) {
          for (const std::int64_t h : {1, 2}) {
            const std::vector<double> want = loop_z(in, layout, plain, b, i, h);
            const std::vector<double> got = floats(z[b][i][h]);
            for (std::size_t d = 0; d < want.size(); ++d) {
              CHECK(std::abs(got[d] - want[d]) < 2e-5);
            }
          }
        }
      }
    }
  }
  for (const AttentionOperator& kind : all_operators()) {
    CAPTURE(kind.name);
    CHECK(covered[std::string(kind.name)]);
  }
}

TEST_CASE("an operator whose budget is the whole prompt is the unchanged model, bit for bit") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Batch batch({{5, 9, 7, 3, 8, 6, 4, 11, 12}});
  const Tensor unchanged = model.forward(batch).logits;
  for (const std::string& text : whole_budgets()) {
    CAPTURE(text);
    const Model same = planned(model, parse_operator(text), model_heads(model));
    CHECK(identical(same.forward(batch).logits, unchanged));
  }
}

TEST_CASE("a plan is in logits, padding, cache, chunks, looks and statistics alike") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const std::vector<std::int32_t> longer{5, 9, 7, 3, 8, 6, 4, 11, 12, 10, 2, 13};
  const std::vector<std::int32_t> shorter{9, 4, 7, 6, 3, 8, 10};
  for (const auto& [text, plain] : plain_operators()) {
    CAPTURE(text);
    const Model changed = planned(model, parse_operator(text), {{0, 1}, {0, 2}, {1, 3}});
    const Tensor logits = changed.forward(Batch({longer})).logits;
    CHECK(difference(logits, model.forward(Batch({longer})).logits) > 1e-5);
    const Tensor both = changed.forward(Batch({longer, shorter})).logits;
    CHECK(difference(both.narrow(0, 0, 1), logits) < 1e-5);
    CHECK(difference(both.narrow(0, 1, 1).slice(1, 5), changed.forward(Batch({shorter})).logits) <
          1e-5);
    CHECK(difference(changed.forward(Batch({longer}), {.chunk = 2}).logits, logits) < 1e-5);
    KvCache cache(changed.config());
    const std::vector<std::int32_t> before(longer.begin(), longer.end() - 1);
    const std::vector<std::int32_t> last{longer.back()};
    changed.forward(Batch({before}), {.cache = &cache});
    CHECK(difference(changed.forward(Batch({last}), {.cache = &cache}).logits,
                     logits.slice(1, 11)) < 1e-5);
    Watch watch(Site::pattern);
    CHECK(identical(changed.forward(Batch({longer, shorter}), watch).logits, both));
    std::vector<AttentionStatistics> statistics;
    StatisticsRequest request;
    request.columns = true;
    StatisticsTap tap(request,
                      [&](const Visit&, const AttentionStatistics& s) { statistics.push_back(s); });
    CHECK(identical(changed.forward(Batch({longer, shorter}), tap).logits, both));
    for (std::size_t layer = 0; layer < statistics.size(); ++layer) {
      Tensor p = watch.at(Site::pattern, static_cast<int>(layer)).clone();
      p[1].narrow(1, 0, 5).fill_(0.0);  // rows of padding
      CHECK(difference(statistics[layer].column_mass, p.sum(2)) < 1e-5);
    }
  }
}

TEST_CASE("what an operator or a plan cannot be is told before any work") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  CHECK_THROWS_WITH(parse_operator("streming:local=4"), contains("did you mean streaming"));
  CHECK_THROWS_WITH(parse_operator("streaming:sink=4"), contains("needs local"));
  CHECK_THROWS_WITH(parse_operator("streaming:local=0"), contains("at least 1"));
  CHECK_THROWS_WITH(parse_operator("streaming:local=4,local=5"), contains("given twice"));
  CHECK_THROWS_WITH(parse_operator("streaming:local=4,k=5"), contains("no parameter \"k\""));
  CHECK_THROWS_WITH(parse_operator("window:local=1.5"), contains("not a whole number"));
  CHECK_THROWS_WITH(parse_operator("window:local=four"), contains("not a number"));
  CHECK_THROWS_WITH(parse_operator("window:4"), contains("is not NAME=NUMBER"));
  const OperatorChoice window = parse_operator("window:local=4");
  CHECK_THROWS_WITH(planned(model, window, {{0, 1}, {0, 1}}), contains("head 0.1 has two"));
  CHECK_THROWS_WITH(planned(model, window, {{7, 1}}), contains("no head 7.1"));
  CHECK_THROWS_WITH(planned(model, window, {}), contains("gives no head"));
  const Model bidirectional = load(huggingface_fixture("bert"));
  CHECK_THROWS_WITH(planned(bidirectional, window, {{0, 0}}), contains("see later ones"));
}
