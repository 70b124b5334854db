#include "analyses/lens/lens_logits.h"

#include "lib/kernels/linear.h"
#include "lib/model/norm.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A norm without its bias, its divisor ([N, 1]) as the pass had it: linear in `value` [N, d_model].
Tensor frozen_norm(const Tensor& value,
                   const NormWeights& weights,
                   Norm norm,
                   const Tensor& divisor) {
  const Tensor x = value.to(at::kFloat);
  const Tensor centred = norm == Norm::layer_norm ? x - x.mean(-1, true) : x;
  return with_gain(centred / divisor, weights);
}

}  // namespace

Tensor lens_logits(const Model& model, const Tensor& stream) {
  const std::int64_t rows = stream.size(0);
  const BatchLayout layout{.rows = rows,
                           .columns = 1,
                           .past = 0,
                           .total = 1,
                           .pads = std::vector<std::int64_t>(static_cast<std::size_t>(rows), 0)};
  return model.with(nullptr)
      .resume({layout, stream.unsqueeze(1), model.config().n_layers}, {.logits = Logits::last})
      .logits;
}

Tensor LensLogits::places(Site site, std::int64_t layer) const {
  return run_.at(site, layer).flatten(0, 1).to(model_.weights().W_U.device());
}

Tensor LensLogits::stream(std::int64_t layer) const {
  if (layer < 0) {
    return places(Site::resid_pre, 0);
  }
  return entering_next_block(model_, layer, places(Site::resid_post, layer));
}

Tensor LensLogits::written(const LensRow& row) const {
  if (row.part != LensPart::heads) {
    return places(row.part == LensPart::mlp ? Site::mlp_out : Site::attn_out, row.layer);
  }
  const Tensor z = places(Site::z, row.layer).select(1, row.head);  // [N, d_head]
  const Tensor out =
      at::matmul(z.to(at::kFloat), model_.W_O(row.layer).select(0, row.head).to(at::kFloat));
  const NormWeights* norm = post_attention_norm(model_, row.layer);
  return norm == nullptr
             ? out
             : frozen_norm(
                   out, *norm, model_.config().norm, places(Site::ln1_post_scale, row.layer));
}

Tensor LensLogits::of(const LensRow& row, std::int64_t first, std::int64_t count) const {
  if (row.part == LensPart::residual) {
    const bool last = row.layer == model_.config().n_layers - 1;
    const Tensor read = stream(row.layer).narrow(0, first, count);
    return lens_logits(model_,
                       tuned_ == nullptr || last ? read : tuned_->translate(read, row.layer + 1));
  }
  const Weights& weights = model_.weights();
  Tensor value = written(row).narrow(0, first, count);
  if (model_.config().norm != Norm::none) {
    const Tensor divisor = places(Site::ln_final_scale, kNoLayer).narrow(0, first, count);
    value = frozen_norm(value, weights.ln_final, model_.config().norm, divisor);
  }
  return linear_f32(value.to(weights.W_U.scalar_type()), weights.W_U, Tensor());
}

}  // namespace headscope
