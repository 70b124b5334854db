// A mixture of experts. Tokens are sorted by the expert they are sent to, and each expert that has
// any multiplies its own: cost follows the chosen.
#include "lib/base/error.h"
#include "lib/kernels/kernels.h"
#include "lib/kernels/linear.h"
#include "lib/model/pass.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Who goes where: [B, T, chosen] each.
struct Routes {
  Tensor experts;  // int64
  Tensor weights;  // f32
};

Tensor slice_of(const Tensor& stacked, std::int64_t expert) {
  return stacked.defined() ? stacked[expert] : Tensor();
}

void check_choice(const Tensor& choice, const Experts& experts, int layer) {
  const std::int64_t least = choice.min().item<std::int64_t>();
  const std::int64_t most = choice.max().item<std::int64_t>();
  if (least < 0 || most >= experts.count) {
    throw UsageError("{}: an edit chose expert {} of {}",
                     hook_name(Site::mlp_expert_indices, layer),
                     least < 0 ? least : most,
                     experts.count);
  }
}

// The weights are the router's for the experts that are chosen in the end: an edit of the choice
// sends a token elsewhere with what the router thinks of that place.
Tensor weights_of(const Tensor& logits, const Tensor& choice, const Experts& experts) {
  if (experts.weighting == Experts::Weighting::top_then_softmax) {
    return logits.gather(-1, choice).softmax(-1);
  }
  const Tensor weights = logits.softmax(-1).gather(-1, choice);
  return experts.renormalized ? weights / weights.sum(-1, true) : weights;
}

Routes route(Pass& pass, int layer, const BlockWeights& block, const Tensor& in) {
  const Experts& experts = pass.config.experts;
  const Tensor logits =
      pass.see(Site::mlp_gate, layer, linear_f32(in, block.W_router, block.b_router));
  const Tensor best = std::get<1>(logits.topk(experts.chosen, -1));
  const Tensor choice = pass.see(Site::mlp_expert_indices, layer, best);
  if (pass.edited(Site::mlp_expert_indices, layer)) {
    check_choice(choice, experts, layer);
  }
  return {
      choice,
      pass.see(Site::mlp_expert_weights, layer, weights_of(logits, choice, experts)),
  };
}

// gate_up [n, 2 d_expert], the gate first.
Tensor activated(const ModelConfig& config, const Tensor& gate_up) {
  const Experts& experts = config.experts;
  const Tensor gate = gate_up.narrow(-1, 0, experts.d_expert);
  const Tensor up = gate_up.narrow(-1, experts.d_expert, experts.d_expert);
  if (experts.limit > 0) {
    const Tensor low = gate.clamp_max(experts.limit);
    return low * (low * experts.gate_slope).sigmoid() *
           (up.clamp(-experts.limit, experts.limit) + 1);
  }
  return needs_gradient(gate_up) ? kernels::activate(gate, config.activation) * up
                                 : kernels::gated_activation(gate_up, config.activation);
}

Tensor one_expert(const ModelConfig& config,
                  const BlockWeights& block,
                  std::int64_t expert,
                  const Tensor& in) {
  const Tensor gate_up =
      linear(in, block.W_in_experts[expert], slice_of(block.b_in_experts, expert));
  return linear_f32(activated(config, gate_up),
                    block.W_out_experts[expert],
                    slice_of(block.b_out_experts, expert));
}

// What each route's expert makes of its token: [tokens · chosen, d_model] f32, routes of a token
// side by side. `in` [tokens, d_model].
Tensor written_by_routes(Pass& pass,
                         const BlockWeights& block,
                         const Tensor& in,
                         const Tensor& experts_of_routes) {
  const Experts& experts = pass.config.experts;
  const Tensor flat = experts_of_routes.flatten();
  const Tensor by_expert = flat.argsort(/*stable=*/true, 0, /*descending=*/false);
  const Tensor sorted = in.index_select(0, by_expert.div(experts.chosen, "floor"));
  const Tensor counts = flat.bincount({}, experts.count).to(at::kCPU);
  std::vector<Tensor> written;
  std::int64_t first = 0;
  for (std::int64_t expert = 0; expert < experts.count; ++expert) {
    const std::int64_t count = counts.const_data_ptr<std::int64_t>()[expert];
    if (count > 0) {
      written.push_back(one_expert(pass.config, block, expert, sorted.narrow(0, first, count)));
      first += count;
    }
  }
  return at::cat(written).index_select(0, by_expert.argsort());
}

}  // namespace

Tensor run_experts(Pass& pass, int layer, const Tensor& in) {
  const BlockWeights& block = pass.weights.blocks[static_cast<std::size_t>(layer)];
  const std::int64_t d_model = in.size(-1);
  const Routes routes = route(pass, layer, block, in);
  const Tensor tokens = in.reshape({-1, d_model});
  const Tensor written = written_by_routes(pass, block, tokens, routes.experts)
                             .view({-1, pass.config.experts.chosen, d_model});
  const Tensor weights = routes.weights.reshape({-1, pass.config.experts.chosen, 1});
  return (written * weights).sum(1).view(in.sizes());
}

}  // namespace headscope
