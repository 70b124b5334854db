// Heads that see the first and the last tokens alone: the form that reads no other keys, against
// the pattern over all of them.
#include "lib/attention/streaming_attention.h"

#include <algorithm>

#include <ATen/Context.h>
#include <ATen/ops/randn.h>

#include "lib/attention/operators/operator_choice.h"
#include "lib/model/attention_builder.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("streaming attention by blocks of queries is the pattern over all keys") {
  at::manual_seed(3);
  const std::int64_t keys = 600;
  for (const std::string text : {"streaming:sink=3,local=20",
                                 "window:local=1",
                                 "window:local=300",
                                 "streaming:sink=290,local=7"}) {
    AttentionSpec spec{.scale = 0.4};
    spec.operators.assign(4, parse_operator(text).make({}));
    for (const std::int64_t queries : {keys, std::int64_t{270}, std::int64_t{1}}) {
      for (const std::int64_t pad : {0, 5, 333}) {
        CAPTURE(text, queries, pad);
        const BatchLayout layout{
            .rows = 2, .columns = queries, .past = keys - queries, .total = keys, .pads = {pad, 0}};
        const AttentionInputs in{
            .q = at::randn({2, queries, 4, 8}),
            .k = at::randn({2, keys, 2, 8}),
            .v = at::randn({2, keys, 2, 8}),
            .spec = spec,
            .hidden = hidden_keys(layout, spec, at::kCPU),
            .pads = layout.padded() ? at::tensor(layout.pads, at::kLong) : Tensor()};
        const Tensor want = apply_pattern(attention_pattern(attention_scores(in), spec), in.v);
        const Tensor got = fused_attention(in);
        CHECK(difference(got[1], want[1]) < 3e-6);
        const std::int64_t first = std::max<std::int64_t>(0, pad - layout.past);
        CHECK(difference(got[0].slice(0, first), want[0].slice(0, first)) < 3e-6);
      }
    }
  }
}
