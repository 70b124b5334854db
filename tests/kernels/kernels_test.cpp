#include "lib/kernels/kernels.h"

#include <cmath>

#include <ATen/ops/randn.h>

#include "lib/model/norm.h"
#include "lib/model/rotary.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Tensor random(at::IntArrayRef sizes) {
  return at::randn(sizes, at::kFloat);
}

}  // namespace

TEST_CASE("rms_norm equals its definition in double, for widths with and without a tail") {
  for (const std::int64_t d : {1, 7, 8, 64, 577}) {
    const Tensor x = random({3, 5, d}) * 100.0;
    const Tensor gain = random({d});
    const Tensor wide = x.to(at::kDouble);
    const Tensor expected =
        wide / (wide.square().mean(-1, true) + 1e-5).sqrt() * gain.to(at::kDouble);
    CHECK(difference(kernels::rms_norm(x, gain, 1e-5), expected.to(at::kFloat)) < 1e-6);
  }
}

TEST_CASE("rms_norm and rotate take views") {
  const Tensor x = random({2, 4, 30}).narrow(-1, 5, 12);
  const Tensor gain = at::ones({12});
  CHECK(identical(kernels::rms_norm(x, gain, 1e-6), kernels::rms_norm(x.contiguous(), gain, 1e-6)));
  const Tensor q = random({2, 4, 36}).narrow(-1, 12, 24).unflatten(-1, {3, 8});
  const Tensor angles = random({1, 4, 4});
  CHECK(identical(kernels::rotate(q, angles.cos(), angles.sin()),
                  kernels::rotate(q.contiguous(), angles.cos(), angles.sin())));
}

TEST_CASE("rotate turns pairs by their angle and leaves the rest") {
  const Tensor x = random({2, 3, 2, 10});
  const Tensor angles = random({2, 3, 3});
  const Tensor y = kernels::rotate(x, angles.cos(), angles.sin());
  for (int i = 0; i < 3; ++i) {
    const float a = x[1][2][1][i].item<float>();
    const float b = x[1][2][1][i + 3].item<float>();
    const float t = angles[1][2][i].item<float>();
    CHECK(y[1][2][1][i].item<float>() == Approx(a * std::cos(t) - b * std::sin(t)).margin(1e-5));
    CHECK(y[1][2][1][i + 3].item<float>() ==
          Approx(b * std::cos(t) + a * std::sin(t)).margin(1e-5));
  }
  CHECK(identical(y.narrow(-1, 6, 4), x.narrow(-1, 6, 4)));
}

TEST_CASE("LayerNorm's two steps make its one") {
  const Tensor x = random({2, 3, 16});
  const NormWeights weights{random({16}), random({16})};
  const NormParts parts = norm_parts(x, Norm::layer_norm, 1e-5);
  CHECK(difference(apply_gain(parts.centred / parts.scale, weights, at::kFloat),
                   normalize(x, weights, Norm::layer_norm, 1e-5)) < 1e-6);
}

TEST_CASE("a product of split terms is the f32 product to its rounding") {
  const Tensor x = random({70, 130}) * random({70, 130}).exp() * 100.0;
  const Tensor w = random({50, 130});
  const Tensor left = kernels::split_terms(x, kernels::SplitSide::left).to(at::kDouble);
  const Tensor right = kernels::split_terms(w, kernels::SplitSide::right).to(at::kDouble);
  const Tensor exact = at::matmul(x.to(at::kDouble), w.to(at::kDouble).t());
  const Tensor scale = at::matmul(x.abs().to(at::kDouble), w.abs().to(at::kDouble).t());
  CHECK(((at::matmul(left, right.t()) - exact).abs() / scale).max().item().toDouble() < 3e-7);
  CHECK(left.size(1) == 6 * 130);
}
