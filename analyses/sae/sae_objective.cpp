#include "analyses/sae/sae_objective.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/topk.h>

#include "lib/sae/code_support.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The codes of a batch, and what the gradients ask of them. Values are as the support says.
struct TrainedCodes {
  CodeSupport support;
  Tensor values;  // f
  Tensor linear;  // gated: (x − b_dec)·W_enc; jumprelu: h
  Tensor gate;    // gated: relu(π)
};

Tensor as_number(const Tensor& mask, const Tensor& like) {
  return mask.to(like.scalar_type());
}

TrainedCodes topk_codes(const Tensor& h, std::int64_t k) {
  auto [values, index] = at::topk(h, k, -1, /*largest=*/true, /*sorted=*/false);
  return {CodeSupport::fixed(index, h.size(1)), at::relu(values).reshape({-1}), {}, {}};
}

TrainedCodes batchtopk_codes(const Tensor& h, std::int64_t k) {
  const Tensor flat = h.reshape({-1});
  const std::int64_t kept = std::min(k * h.size(0), flat.numel());
  const Tensor found = std::get<1>(at::topk(flat, kept, -1, /*largest=*/true, /*sorted=*/false));
  const Tensor places = std::get<0>(at::sort(found));
  return {CodeSupport::at_places(places, h.size(0), h.size(1)),
          at::relu(flat.index_select(0, places)),
          {},
          {}};
}

TrainedCodes jumprelu_codes(const SaeParameters& p, const Tensor& h, double bandwidth) {
  TrainedCodes codes{
      CodeSupport::of(h > p.threshold - bandwidth / 2), {}, {}, {}};  // all with a gradient
  codes.linear = codes.support.pick(h);
  const Tensor open = codes.linear > codes.support.of_feature(p.threshold);
  codes.values = codes.linear * as_number(open, h);
  return codes;
}

TrainedCodes gated_codes(const SaeParameters& p, const Tensor& linear) {
  const Tensor pi = linear + p.b_enc;
  TrainedCodes codes{CodeSupport::of(pi > 0), {}, {}, {}};
  const CodeSupport& at = codes.support;
  codes.linear = at.pick(linear);
  codes.gate = at::relu(at.pick(pi));
  const Tensor magnitude =
      at::relu(codes.linear * at.of_feature(p.r_mag.exp()) + at.of_feature(p.b_mag));
  codes.values = magnitude * as_number(codes.gate > 0, linear);
  return codes;
}

TrainedCodes trained_codes(const SaeParameters& p,
                           const SaeTrainOptions& options,
                           const Tensor& h) {
  switch (options.arch) {
    case SaeArch::topk:
      return topk_codes(h, options.k);
    case SaeArch::batchtopk:
      return batchtopk_codes(h, options.k);
    case SaeArch::jumprelu:
      return jumprelu_codes(p, h, options.bandwidth);
    case SaeArch::gated:
      return gated_codes(p, h);
    case SaeArch::standard:
      break;
  }
  TrainedCodes codes{CodeSupport::of(h > 0), {}, {}, {}};
  codes.values = at::relu(codes.support.pick(h));
  return codes;
}

class SaeGradients {
 public:
  SaeGradients(const SaeParameters& p,
               const SaeTrainOptions& options,
               const SaeLoss& loss,
               const Tensor& x)
      : p_(p),
        options_(options),
        loss_(loss),
        x_(x),
        n_(static_cast<double>(x.size(0))),
        centred_(x - p.b_dec),
        h_(options.arch == SaeArch::gated ? centred_.matmul(p.W_enc_t.t())
                                          : at::addmm(p.b_enc, centred_, p.W_enc_t.t())),
        codes_(trained_codes(p, options, h_)) {}

  SaeStep run() {
    const CodeSupport& at = codes_.support;
    const Tensor residual = at.gather_sum(codes_.values, p_.W_dec) + (p_.b_dec - x_);
    step_.row_error = residual.square().sum(1);
    step_.squared_error = step_.row_error.sum() / n_;
    step_.penalty = at::zeros({}, x_.options());
    step_.auxiliary = at::zeros({}, x_.options());
    const Tensor g = residual * (2.0 / n_);
    step_.gradient.W_dec = at.scatter_sum(codes_.values, g);
    step_.gradient.b_dec = g.sum(0);
    encoder(at.dots(g, p_.W_dec));
    if (loss_.dead.defined() && options_.aux > 0.0) {
      auxiliary(residual);
    }
    count();
    return std::move(step_);
  }

 private:
  // From the gradient of the codes to those of encoder, biases and thresholds.
  void encoder(const Tensor& g_codes) {
    switch (options_.arch) {
      case SaeArch::standard: {
        const Tensor open = as_number(codes_.values > 0, x_);
        into_encoder((g_codes + penalty_slope()) * open, codes_.support);
        add_penalty(codes_.values);
        break;
      }
      case SaeArch::topk:
      case SaeArch::batchtopk:
        into_encoder(g_codes * as_number(codes_.values > 0, x_), codes_.support);
        break;
      case SaeArch::jumprelu:
        jumprelu(g_codes);
        break;
      case SaeArch::gated:
        gated(g_codes);
        break;
    }
  }

  // ∂h of the support's entries → W_enc, b_enc, and b_dec by the centring.
  void into_encoder(const Tensor& g_h, const CodeSupport& at) {
    const Tensor sums = at.feature_sum(g_h);
    step_.gradient.W_enc_t = at.scatter_sum(g_h, centred_);
    step_.gradient.b_enc = sums;
    step_.gradient.b_dec = step_.gradient.b_dec - sums.unsqueeze(0).matmul(p_.W_enc_t).squeeze(0);
  }

  // λ/N·‖W_dec row‖ beside the codes.
  [[nodiscard]] Tensor penalty_slope() const {
    return codes_.support.of_feature(decoder_norms() * (loss_.weight / n_));
  }

  [[nodiscard]] Tensor decoder_norms() const {
    return options_.decoder_norm == DecoderNorm::unit
               ? at::ones({p_.W_dec.size(0)}, p_.W_dec.options())
               : at::linalg_vector_norm(p_.W_dec, 2, at::IntArrayRef{1}, false);
  }

  // λ Σ v·‖W_dec row‖ / N of `values` ≥ 0, and its gradient of W_dec.
  void add_penalty(const Tensor& values) {
    const Tensor norms = decoder_norms();
    const Tensor each = codes_.support.feature_sum(values) * (loss_.weight / n_);
    step_.penalty = (each * norms).sum();
    if (options_.decoder_norm == DecoderNorm::free) {
      step_.gradient.W_dec =
          step_.gradient.W_dec + (each / norms.clamp_min(1e-12)).unsqueeze(1) * p_.W_dec;
    }
  }

  void jumprelu(const Tensor& g_codes) {
    const CodeSupport& at = codes_.support;
    const Tensor theta = at.of_feature(p_.threshold);
    const Tensor open = as_number(codes_.linear > theta, x_);
    const Tensor near = as_number((codes_.linear - theta).abs() < options_.bandwidth / 2, x_);
    into_encoder(g_codes * open, at);
    step_.gradient.threshold =
        at.feature_sum((g_codes * theta + loss_.weight / n_) * near * (-1.0 / options_.bandwidth));
    step_.penalty = open.sum() * (loss_.weight / n_);
  }

  void gated(const Tensor& g_codes) {
    const CodeSupport& at = codes_.support;
    const Tensor open = as_number(codes_.gate > 0, x_);
    const Tensor residual = at.gather_sum(codes_.gate, p_.W_dec) + (p_.b_dec - x_);
    step_.auxiliary = residual.square().sum() / n_;
    const Tensor g_pi = (at.dots(residual * (2.0 / n_), p_.W_dec) + penalty_slope()) * open;
    const Tensor g_magnitude = g_codes * as_number(codes_.values > 0, x_);
    const Tensor scaled = g_magnitude * at.of_feature(p_.r_mag.exp());
    into_encoder(g_pi + scaled, at);
    step_.gradient.b_enc = at.feature_sum(g_pi);
    step_.gradient.b_mag = at.feature_sum(g_magnitude);
    step_.gradient.r_mag = at.feature_sum(scaled * codes_.linear);
    add_penalty(codes_.gate);
  }

  // Dead features learn what the living ones leave.
  void auxiliary(const Tensor& residual) {
    const std::int64_t dead = loss_.dead.numel();
    const std::int64_t wanted = std::max<std::int64_t>(1, x_.size(1) / 2);
    const std::int64_t k = std::min(wanted, dead);
    const double scale =
        options_.aux * std::min(static_cast<double>(dead) / static_cast<double>(wanted), 1.0);
    auto [values, index] = at::topk(h_.index_select(1, loss_.dead), k, -1, true, false);
    CodeSupport at = CodeSupport::fixed(index, dead);
    Tensor codes = values.reshape({-1});
    if (16 * k > dead) {  // a matrix product is faster
      codes = at.to_dense(codes);
      at = CodeSupport::dense(x_.size(0), dead);
    }
    const Tensor chosen = as_number(codes != 0, x_);
    const Tensor W_dec = p_.W_dec.index_select(0, loss_.dead);
    const Tensor left = at.gather_sum(codes, W_dec) + residual;  // ê − e
    step_.auxiliary = left.square().sum() * (scale / n_);
    const Tensor g = left * (2.0 * scale / n_);
    const Tensor g_h = at.dots(g, W_dec) * chosen;
    const Tensor sums = at.feature_sum(g_h);
    step_.gradient.W_dec.index_add_(0, loss_.dead, at.scatter_sum(codes, g));
    step_.gradient.W_enc_t.index_add_(0, loss_.dead, at.scatter_sum(g_h, centred_));
    step_.gradient.b_enc.index_add_(0, loss_.dead, sums);
    step_.gradient.b_dec =
        step_.gradient.b_dec -
        sums.unsqueeze(0).matmul(p_.W_enc_t.index_select(0, loss_.dead)).squeeze(0);
  }

  void count() {
    const Tensor active = as_number(codes_.values != 0, x_);
    step_.codes = active.sum();
    step_.fired = codes_.support.feature_sum(active);
    if (options_.arch == SaeArch::batchtopk) {
      step_.lowest =
          at::where(codes_.values > 0, codes_.values, at::full({}, INFINITY, x_.options())).min();
    }
  }

  const SaeParameters& p_;
  const SaeTrainOptions& options_;
  const SaeLoss& loss_;
  const Tensor& x_;
  double n_;
  Tensor centred_;
  Tensor h_;
  TrainedCodes codes_;
  SaeStep step_;
};

}  // namespace

std::vector<std::pair<std::string_view, Tensor*>> SaeParameters::all() {
  std::vector<std::pair<std::string_view, Tensor*>> found;
  const std::pair<std::string_view, Tensor*> every[] = {{"W_enc_t", &W_enc_t},
                                                        {"W_dec", &W_dec},
                                                        {"b_enc", &b_enc},
                                                        {"b_dec", &b_dec},
                                                        {"threshold", &threshold},
                                                        {"b_mag", &b_mag},
                                                        {"r_mag", &r_mag}};
  for (const auto& [name, tensor] : every) {
    if (tensor->defined()) {
      found.emplace_back(name, tensor);
    }
  }
  return found;
}

SaeStep sae_step(const SaeParameters& parameters,
                 const SaeTrainOptions& options,
                 const SaeLoss& loss,
                 const Tensor& x) {
  return SaeGradients(parameters, options, loss, x).run();
}

}  // namespace headscope
