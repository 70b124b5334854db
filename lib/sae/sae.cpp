#include "lib/sae/sae.h"

#include <cmath>
#include <utility>

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/std.h>
#include <ATen/ops/topk.h>

#include "lib/base/error.h"
#include "lib/base/shape_text.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kLayerNormEps = 1e-5;

void check_sae_tensor(const Tensor& tensor,
                      std::string_view name,
                      const std::vector<std::int64_t>& shape,
                      const std::string& where) {
  if (!tensor.defined()) {
    throw DataError("{}: no tensor {}, which its architecture needs", where, name);
  }
  if (tensor.sizes() != at::IntArrayRef(shape)) {
    throw DataError("{}: {} is {} where its config needs {}",
                    where,
                    name,
                    shape_text(tensor.sizes().vec()),
                    shape_text(shape));
  }
}

void check_sae(const SaeConfig& config, const SaeWeights& w, const std::string& where) {
  const auto features = std::vector<std::int64_t>{config.d_sae};
  check_sae_tensor(w.W_enc, "W_enc", {config.d_in, config.d_sae}, where);
  check_sae_tensor(w.W_dec, "W_dec", {config.d_sae, config.d_out}, where);
  check_sae_tensor(w.b_dec, "b_dec", {config.d_out}, where);
  if (config.arch == SaeArch::gated) {
    check_sae_tensor(w.b_gate, "b_gate", features, where);
    check_sae_tensor(w.b_mag, "b_mag", features, where);
    check_sae_tensor(w.r_mag, "r_mag", features, where);
  } else {
    check_sae_tensor(w.b_enc, "b_enc", features, where);
  }
  if (config.arch == SaeArch::jumprelu || config.arch == SaeArch::batchtopk) {
    check_sae_tensor(w.threshold, "threshold", features, where);
  }
  if (config.arch == SaeArch::topk && (config.k < 1 || config.k > config.d_sae)) {
    throw DataError("{}: k is {}, of {} features", where, config.k, config.d_sae);
  }
  if (w.W_skip.defined()) {
    check_sae_tensor(w.W_skip, "W_skip", {config.d_out, config.d_in}, where);
  }
  if (config.apply_b_dec_to_input && config.d_in != config.d_out) {
    throw DataError("{}: b_dec, of width {}, cannot be taken from inputs of width {}",
                    where,
                    config.d_out,
                    config.d_in);
  }
}

Tensor row_norms(const Tensor& rows) {
  return at::linalg_vector_norm(rows, 2, at::IntArrayRef{-1}, true);
}

SaeCodes masked_codes(const Tensor& active, const Tensor& full) {
  SaeCodes codes{
      .support = CodeSupport::of(active), .values = {}, .row_scale = {}, .row_shift = {}};
  codes.values = codes.support.is_dense() ? at::where(active, full, at::zeros({}, full.options()))
                                          : codes.support.pick(full);
  return codes;
}

}  // namespace

Sae::Sae(SaeConfig config, SaeWeights weights, const std::string& where)
    : config_(std::move(config)), weights_(std::move(weights)) {
  check_sae(config_, weights_, where);
  decoder_ = config_.rescale_by_decoder_norm
                 ? weights_.W_dec / row_norms(weights_.W_dec).clamp_min(1e-8)
                 : weights_.W_dec;
}

NormalisedRows normalised_rows(const Tensor& x, SaeNormalisation normalisation) {
  switch (normalisation) {
    case SaeNormalisation::constant_norm_rescale: {
      const Tensor norms = row_norms(x);
      const Tensor factor = std::sqrt(static_cast<double>(x.size(1))) /
                            at::where(norms > 0, norms, at::ones({}, norms.options()));
      return {x * factor, factor.reciprocal(), {}};
    }
    case SaeNormalisation::layer_norm: {
      const Tensor mean = x.mean(-1, true);
      const Tensor deviation = (x - mean).std(-1, /*unbiased=*/true, /*keepdim=*/true);
      return {(x - mean) / (deviation + kLayerNormEps), deviation, mean};
    }
    case SaeNormalisation::none:
    case SaeNormalisation::expected_average_only_in:
      break;
  }
  return {x, {}, {}};
}

Tensor Sae::pre_activations(const Tensor& x) const {
  const Tensor in = config_.apply_b_dec_to_input ? x - weights_.b_dec : x;
  return config_.arch == SaeArch::gated ? in.matmul(weights_.W_enc)
                                        : at::addmm(weights_.b_enc, in, weights_.W_enc);
}

SaeCodes Sae::encode(const Tensor& x) const {
  if (x.dim() != 2 || x.size(1) != config_.d_in) {
    throw UsageError("activations {}: this SAE encodes rows of {} ({})",
                     shape_text(x.sizes().vec()),
                     config_.d_in,
                     config_.hook.empty() ? "its file names no hook point" : config_.hook);
  }
  const NormalisedRows in =
      normalised_rows(x.to(weights_.W_enc.scalar_type()), config_.normalisation);
  Tensor h = pre_activations(in.x);
  SaeCodes codes;
  switch (config_.arch) {
    case SaeArch::standard:
      codes = masked_codes(h > 0, h);
      break;
    case SaeArch::topk: {
      if (config_.rescale_by_decoder_norm) {
        h = h * row_norms(weights_.W_dec).squeeze(1);
      }
      auto [values, index] = at::topk(h, config_.k, -1, /*largest=*/true, /*sorted=*/false);
      codes.support = CodeSupport::fixed(index, config_.d_sae);
      codes.values = at::relu(values).reshape({-1});
      break;
    }
    case SaeArch::batchtopk:
    case SaeArch::jumprelu:
      codes = masked_codes(h > at::relu(weights_.threshold), h);
      break;
    case SaeArch::gated: {
      const Tensor magnitude = at::relu(h * weights_.r_mag.exp() + weights_.b_mag);
      codes = masked_codes(h + weights_.b_gate > 0, magnitude);
      break;
    }
  }
  codes.row_scale = in.scale;
  codes.row_shift = in.shift;
  return codes;
}

Tensor Sae::finish(const Tensor& decoded, const SaeCodes& codes) const {
  Tensor out = decoded + weights_.b_dec;
  if (config_.is_transcoder()) {
    return out;  // its output is another value than the one that was normalised
  }
  if (codes.row_scale.defined()) {
    out = out * codes.row_scale;
  }
  return codes.row_shift.defined() ? out + codes.row_shift : out;
}

Tensor Sae::decode(const SaeCodes& codes) const {
  return finish(codes.support.gather_sum(codes.values, decoder_), codes);
}

Tensor Sae::decode_dense(const Tensor& dense, const SaeCodes& codes) const {
  return finish(dense.to(decoder_.scalar_type()).matmul(decoder_), codes);
}

Tensor Sae::decoded_change(const Tensor& change,
                           const Tensor& features,
                           const SaeCodes& codes) const {
  const Tensor out = change.matmul(decoder_.index_select(0, features));
  return codes.row_scale.defined() && !config_.is_transcoder() ? out * codes.row_scale : out;
}

Tensor Sae::reconstruct(const Tensor& x) const {
  const Tensor out = decode(encode(x));
  return weights_.W_skip.defined() ? out + x.to(out.scalar_type()).matmul(weights_.W_skip.t())
                                   : out;
}

Tensor Sae::rows_of(const Tensor& value) const {
  std::int64_t width = 1;
  for (std::int64_t axis = 2; axis < value.dim(); ++axis) {
    width *= value.size(axis);
  }
  if (width != config_.d_in) {
    throw UsageError(
        "activations are {} wide but the SAE's d_in is {}; give the hook point and the "
        "model it was trained on{}",
        width,
        config_.d_in,
        config_.hook.empty() ? "" : " (" + config_.hook + ")");
  }
  return value.reshape({-1, config_.d_in});
}

Sae Sae::to(const at::Device& device, at::ScalarType dtype) const {
  SaeWeights moved = weights_;
  for (Tensor* each : {&moved.W_enc,
                       &moved.W_dec,
                       &moved.b_enc,
                       &moved.b_dec,
                       &moved.threshold,
                       &moved.b_gate,
                       &moved.b_mag,
                       &moved.r_mag,
                       &moved.W_skip}) {
    if (each->defined()) {
      *each = each->to(device, dtype);
    }
  }
  return Sae(config_, moved, config_.hook);
}

}  // namespace headscope
