// Gradients written out, against autograd through the formulas.
#include "analyses/sae/sae_objective.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/randn.h>
#include <ATen/ops/topk.h>

#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kSaeRows = 6, kSaeWidth = 8, kSaeFeatures = 20;

SaeParameters some_parameters(SaeArch arch) {
  SaeParameters p;
  p.W_enc_t = at::randn({kSaeFeatures, kSaeWidth}) * 0.4;
  p.W_dec = at::randn({kSaeFeatures, kSaeWidth}) * 0.4;
  p.b_enc = at::randn({kSaeFeatures}) * 0.2;
  p.b_dec = at::randn({kSaeWidth}) * 0.2;
  if (arch == SaeArch::jumprelu) {
    p.threshold = at::randn({kSaeFeatures}).abs() * 0.2;
  }
  if (arch == SaeArch::gated) {
    p.b_mag = at::randn({kSaeFeatures}) * 0.2;
    p.r_mag = at::randn({kSaeFeatures}) * 0.2;
  }
  return p;
}

struct PlainSae {
  Tensor loss;
  Tensor codes;
};

// The objective as its comment says it, dense.
PlainSae plain_loss(const SaeParameters& p,
                    const SaeTrainOptions& options,
                    const SaeLoss& loss,
                    const Tensor& x) {
  const Tensor linear = (x - p.b_dec).matmul(p.W_enc_t.t());
  const Tensor h = linear + p.b_enc;
  const double n = static_cast<double>(x.size(0));
  Tensor norms = at::ones({kSaeFeatures});
  if (options.decoder_norm == DecoderNorm::free) {
    norms = p.W_dec.square().sum(1).sqrt();
  }
  Tensor f = at::relu(h);
  if (options.arch == SaeArch::topk) {
    const Tensor least = std::get<0>(at::topk(h, options.k)).select(1, options.k - 1).unsqueeze(1);
    f = f * (h >= least);
  } else if (options.arch == SaeArch::batchtopk) {
    f = f * (h >= std::get<0>(at::topk(h.reshape({-1}), options.k * kSaeRows)).min());
  } else if (options.arch == SaeArch::jumprelu) {
    f = h * (h > p.threshold);
  } else if (options.arch == SaeArch::gated) {
    f = at::relu(linear * p.r_mag.exp() + p.b_mag) * (h > 0);
  }
  const Tensor error = f.matmul(p.W_dec) + p.b_dec - x;
  Tensor total = error.square().sum() / n;
  if (options.arch == SaeArch::standard) {
    total = total + (f * norms).sum() * (loss.weight / n);
  }
  if (options.arch == SaeArch::gated) {
    const Tensor gate = at::relu(h);
    total = total + (gate * norms).sum() * (loss.weight / n) +
            (gate.matmul(p.W_dec.detach()) + p.b_dec.detach() - x).square().sum() / n;
  }
  if (loss.dead.defined()) {
    const std::int64_t dead = loss.dead.numel();
    const std::int64_t k = std::min(kSaeWidth / 2, dead);
    const Tensor own = h.index_select(1, loss.dead);
    const Tensor least = std::get<0>(at::topk(own, k)).select(1, k - 1).unsqueeze(1);
    const Tensor guess = (own * (own >= least)).matmul(p.W_dec.index_select(0, loss.dead));
    const double scale = options.aux * std::min(1.0, static_cast<double>(dead) / (kSaeWidth / 2));
    total = total + (guess + error.detach()).square().sum() * (scale / n);
  }
  return {total, f.detach()};
}

void check_sae_gradients(SaeTrainOptions options, SaeLoss loss) {
  options.d_sae = kSaeFeatures;
  SaeParameters p = some_parameters(options.arch);
  const Tensor x = at::randn({kSaeRows, kSaeWidth});
  SaeStep step = sae_step(p, options, loss, x);
  SaeParameters roots = p;
  std::vector<Tensor> inputs;
  for (const auto& [name, tensor] : roots.all()) {
    *tensor = gradient_root(*tensor);
    inputs.push_back(*tensor);
  }
  Tensor codes;
  const Tensor total = with_gradients([&] {
    const PlainSae plain = plain_loss(roots, options, loss, x);
    codes = plain.codes;
    return plain.loss;
  });
  const std::vector<Tensor> want = vector_jacobian_product(total, inputs, at::ones({}));
  const auto got = step.gradient.all();
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    INFO(to_string(options.arch) << " " << got[i].first);
    if (got[i].first != "threshold") {  // has no derivative, but an estimate
      CHECK(difference(*got[i].second, want[i]) < 1e-5);
    }
  }
  if (options.arch != SaeArch::jumprelu) {
    const Tensor sum = step.squared_error + step.penalty + step.auxiliary;
    CHECK(difference(sum, total.detach()) < 1e-5);
  }
  CHECK(step.codes.item<double>() == (codes != 0).sum().item<double>());
  CHECK(identical(step.fired, (codes != 0).sum(0).to(at::kFloat)));
}

}  // namespace

TEST_CASE("gradients of every architecture are autograd's") {
  for (const SaeArch arch :
       {SaeArch::standard, SaeArch::topk, SaeArch::batchtopk, SaeArch::jumprelu, SaeArch::gated}) {
    for (const DecoderNorm norm : {DecoderNorm::unit, DecoderNorm::free}) {
      check_sae_gradients({.arch = arch, .k = 3, .decoder_norm = norm},
                          {.weight = 0.3, .dead = {}});
    }
  }
}

TEST_CASE("gradients of the auxiliary loss of dead features, few and many") {
  for (const SaeArch arch : {SaeArch::topk, SaeArch::batchtopk}) {
    check_sae_gradients({.arch = arch, .k = 3, .aux = 0.5},
                        {.weight = 0.0, .dead = at::tensor({2, 9, 17}, at::kLong)});
    check_sae_gradients({.arch = arch, .k = 3, .aux = 0.5},
                        {.weight = 0.0, .dead = at::arange(4, 18, at::kLong)});
  }
}

TEST_CASE("the threshold's gradient is the rectangle estimate of Rajamanoharan et al.") {
  const double width = 0.6;
  SaeTrainOptions options{.arch = SaeArch::jumprelu, .d_sae = kSaeFeatures, .bandwidth = width};
  const SaeParameters p = some_parameters(SaeArch::jumprelu);
  const Tensor x = at::randn({kSaeRows, kSaeWidth});
  SaeStep step = sae_step(p, options, {.weight = 0.3, .dead = {}}, x);
  const Tensor h = (x - p.b_dec).matmul(p.W_enc_t.t()) + p.b_enc;
  const Tensor f = h * (h > p.threshold);
  const Tensor g = (2.0 / kSaeRows) * (f.matmul(p.W_dec) + p.b_dec - x);
  double nonzero = 0.0;
  for (std::int64_t i = 0; i < kSaeFeatures; ++i) {
    const double theta = p.threshold[i].item<double>();
    double want = 0.0;
    for (std::int64_t n = 0; n < kSaeRows; ++n) {
      if (std::abs(h[n][i].item<double>() - theta) < width / 2) {
        want -= (theta * g[n].dot(p.W_dec[i]).item<double>() + 0.3 / kSaeRows) / width;
      }
    }
    CHECK(step.gradient.threshold[i].item<double>() == Approx(want).margin(1e-5));
    nonzero += std::abs(want);
  }
  CHECK(nonzero > 0.1);
}
