#include "analyses/edges/reader_gradients.h"

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
Tensor head_reader_gradient(const Model& model,
                            std::int64_t layer,
                            HeadInput part,
                            const NormalizedStream& stream,
                            const Tensor& gradient,
                            NormGradient norm) {
  const Tensor by_head = gradient.to(at::kFloat).transpose(0, 1);  // [H, n, d_head]
  Tensor g = at::bmm(by_head, projection_of(model, layer, part).transpose(1, 2));
  if (norm_before(model.config()) == Norm::none) {
    return g;
  }
  g = with_gain(g, model.weights().blocks.at(static_cast<std::size_t>(layer)).ln1);
  const bool exact = norm == NormGradient::exact;
  const Tensor along = exact ? (g * stream.normalized).mean(-1, true) : Tensor();
  if (norm_before(model.config()) == Norm::layer_norm) {
    g.sub_(g.mean(-1, true));
  }
  if (exact) {
    g.sub_(stream.normalized * along);
  }
  return g.div_(stream.scale);
}

}  // namespace headscope
