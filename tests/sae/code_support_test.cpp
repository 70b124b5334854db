// Sparse products, against dense ones.
#include "lib/sae/code_support.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("sparse and dense supports give the same products") {
  for (const double share : {0.0, 0.02, 0.05, 0.5}) {  // none, two sparse ones, a dense one
    const Tensor mask = at::rand({9, 40}) < share;
    const CodeSupport support = CodeSupport::of(mask);
    CHECK(support.is_dense() == (mask.sum().item<double>() * 16 > 360));
    const Tensor full = at::randn({9, 40}) * mask;
    const Tensor values = support.pick(full);
    const Tensor W = at::randn({40, 7});
    const Tensor x = at::randn({9, 7});
    CHECK(difference(support.to_dense(values), full) == 0.0);
    CHECK(difference(support.gather_sum(values, W), full.matmul(W)) < 1e-5);
    CHECK(difference(support.scatter_sum(values, x), full.t().matmul(x)) < 1e-5);
    CHECK(difference(support.feature_sum(values), full.sum(0)) < 1e-5);
    CHECK(difference(support.row_sum(values), full.sum(1)) < 1e-5);
    const Tensor dots = support.to_dense(support.dots(x, W)) * mask;
    CHECK(difference(dots, x.matmul(W.t()) * mask) < 1e-5);
    const Tensor each = at::randn({40});
    CHECK(difference(support.to_dense(support.of_feature(each) * at::ones_like(values)) * mask,
                     each * mask) < 1e-6);
  }
}

TEST_CASE("a fixed number of codes a row") {
  const Tensor index = at::tensor({3, 0, 1, 3}, at::kLong).view({2, 2});
  const CodeSupport support = CodeSupport::fixed(index, 4);
  const Tensor dense = support.to_dense(at::tensor({1.0f, 2.0f, 3.0f, 4.0f}));
  CHECK(
      identical(dense, at::tensor({2.0f, 0.0f, 0.0f, 1.0f, 0.0f, 3.0f, 0.0f, 4.0f}).view({2, 4})));
}
