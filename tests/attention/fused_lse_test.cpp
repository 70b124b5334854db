// The log-sum-exp that a fused kernel leaves is that of the scores, and asking for it changes no z.
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/randn.h>

#include "lib/attention/attention.h"
#include "lib/attention/mask.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/gpu.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

namespace {

struct Shape {
  std::int64_t tokens, heads, kv_heads, d_head;
};

AttentionInputs inputs(const Shape& s, at::Device device, at::ScalarType dtype) {
  at::manual_seed(11);
  const auto draw = [&](std::int64_t heads) {
    return at::randn({2, s.tokens, heads, s.d_head}).to(device, dtype);
  };
  return {.q = draw(s.heads),
          .k = draw(s.kv_heads),
          .v = draw(s.kv_heads),
          .spec = {.scale = 0.3},
          .hidden = {}};
}

void check(const AttentionInputs& in, double tolerance) {
  const FusedAttention fused = fused_attention_with_lse(in);
  CHECK(fused.z.equal(fused_attention(in)));
  REQUIRE(fused.lse.defined());
  CHECK(difference(fused.lse.cpu(), at::logsumexp(attention_scores(in), -1).cpu()) < tolerance);
}

}  // namespace

TEST_CASE("the log-sum-exp of the CPU's kernel is that of the scores") {
  for (const Shape& shape : {Shape{7, 4, 4, 8}, Shape{70, 6, 2, 16}, Shape{600, 2, 1, 64}}) {
    CAPTURE(shape.tokens, shape.heads);
    check(inputs(shape, at::kCPU, at::kFloat), 1e-6);
  }
  AttentionInputs full = inputs({9, 2, 2, 8}, at::kCPU, at::kFloat);
  full.spec.visibility = Visibility::full;
  check(full, 1e-6);
}

TEST_CASE("the log-sum-exp of the GPU's kernels is that of the scores") {
  need_gpu();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const Shape& shape : {Shape{7, 4, 4, 8}, Shape{70, 6, 2, 64}, Shape{1000, 4, 1, 128}}) {
      CAPTURE(toString(dtype), shape.tokens, shape.heads);
      check(inputs(shape, at::Device(at::kCUDA), dtype), dtype == at::kFloat ? 1e-5 : 2e-2);
    }
  }
}

TEST_CASE("where more than one kernel makes z, no log-sum-exp is told") {
  const AttentionInputs plain = inputs({9, 4, 2, 8}, at::kCPU, at::kFloat);
  const auto none = [&](auto change) {
    AttentionInputs in = plain;
    change(in);
    const FusedAttention fused = fused_attention_with_lse(in);
    CHECK_FALSE(fused.lse.defined());
    CHECK(fused.z.equal(fused_attention(in)));
  };
  none([](AttentionInputs& in) { in.spec.softcap = 2.0; });
  none([](AttentionInputs& in) { in.bias = at::randn({1, 1, 1, 9}); });
  none([](AttentionInputs& in) { in.score_scale = at::ones({1, 4, 1, 1}); });
  none([](AttentionInputs& in) {
    AttentionSpec window = in.spec;
    window.window = 3;
    in.hidden = hidden_keys({0, 9, 9}, {}, window, at::kCPU);
  });
}
