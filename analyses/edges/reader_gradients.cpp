#include "analyses/edges/reader_gradients.h"

#include <ATen/ops/addcmul.h>

#include "lib/model/norm.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor projection_of(const Model& model, std::int64_t layer, HeadInput part) {
  const Tensor projection = part == HeadInput::q   ? model.W_Q(layer)
                            : part == HeadInput::k ? model.W_K(layer)
                                                   : model.W_V(layer);
  return projection.to(at::kFloat);  // [H, d_model, d_head]
}

// Through the projections alone: [inputs · H, n, d_model].
Tensor projected_back(const Model& model,
                      std::int64_t layer,
                      const std::vector<HeadInputGradient>& inputs) {
  const Tensor& first = inputs.front().gradient;
  const std::int64_t heads = first.size(1);
  const auto count = static_cast<std::int64_t>(inputs.size());
  const Tensor all = at::empty({count * heads, first.size(0), model.config().d_model},
                               first.options().dtype(at::kFloat));
  for (std::int64_t i = 0; i < count; ++i) {
    const HeadInputGradient& each = inputs[static_cast<std::size_t>(i)];
    Tensor place = all.narrow(0, i * heads, heads);
    at::bmm_out(place,
                each.gradient.to(at::kFloat).transpose(0, 1),  // [H, n, d_head]
                projection_of(model, layer, each.input).transpose(1, 2));
  }
  return all;
}

// The mean over d_model of g · x̂ [heads, n, 1], by a product a position: nothing of g's size is
// formed beside it.
Tensor along_stream(const Tensor& g, const Tensor& normalized) {
  const Tensor sums = at::bmm(g.transpose(0, 1), normalized.unsqueeze(-1));  // [n, heads, 1]
  return sums.div(static_cast<double>(g.size(-1))).transpose(0, 1);
}

}  // namespace

NormalizedStream normalized_stream(const Model& model, const Tensor& stream) {
  if (norm_before(model.config()) == Norm::none) {
    return {stream, {}};
  }
  const NormParts parts = norm_parts(stream, model.config().norm, model.config().norm_eps);
  return {parts.centred / parts.scale, parts.scale};
}

// y = x̂ γ, x̂ = x / σ:  ∂/∂x = (g γ − x̂ mean(g γ x̂)) / σ, and less its mean where x was centred;
// of a constant σ without the middle term.
Tensor head_reader_gradients(const Model& model,
                             std::int64_t layer,
                             const std::vector<HeadInputGradient>& inputs,
                             const NormalizedStream& stream,
                             NormGradient norm) {
  const Tensor g = projected_back(model, layer, inputs);
  if (norm_before(model.config()) == Norm::none) {
    return g;
  }
  const NormWeights& ln1 = model.weights().blocks.at(static_cast<std::size_t>(layer)).ln1;
  if (ln1.gain.defined()) {
    g.mul_(ln1.gain);
  }
  const bool exact = norm == NormGradient::exact;
  const Tensor along = exact ? along_stream(g, stream.normalized) : Tensor();
  if (norm_before(model.config()) == Norm::layer_norm) {
    g.sub_(g.mean(-1, true));
  }
  if (exact) {
    g.addcmul_(stream.normalized, along, -1.0);
  }
  return g.div_(stream.scale);
}

}  // namespace headscope
