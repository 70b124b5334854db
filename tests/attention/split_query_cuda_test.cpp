// One query over keys cut into pieces, on a GPU, against the pattern over all keys.
#include <ATen/Context.h>
#include <ATen/ops/randn.h>

#include "lib/attention/split_query_attention.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/gpu.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("a query over pieces of keys is the query over all of them") {
  need_gpu();
  at::manual_seed(5);
  for (const std::int64_t keys : {2048, 2304, 9216}) {
    for (const std::int64_t batch : {1, 3}) {
      CAPTURE(keys, batch);
      AttentionInputs in{.q = at::randn({batch, 1, 8, 64}),
                         .k = at::randn({batch, keys, 2, 64}),
                         .v = at::randn({batch, keys, 2, 64}),
                         .spec = {.scale = 0.125},
                         .hidden = at::zeros({batch, 1, 1, keys}, at::kBool)};
      in.hidden.narrow(3, keys - 700, 700).fill_(true);  // whole pieces hold nothing that is seen
      in.hidden[0].narrow(2, 0, 5).fill_(true);
      const Tensor want = apply_pattern(attention_pattern(attention_scores(in), in.spec), in.v);
      for (Tensor* each : {&in.q, &in.k, &in.v, &in.hidden}) {
        *each = each->to(to_torch(cuda()));
      }
      REQUIRE(can_split_keys(in));
      CHECK(difference(fused_attention(in).cpu(), want) < 1e-4);
    }
  }
}
