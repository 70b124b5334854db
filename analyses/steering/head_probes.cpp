#include "analyses/steering/head_probes.h"

#include <ATen/ops/log_sigmoid.h>

#include "analyses/steering/directions_by_layer.h"
#include "analyses/steering/last_token.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kProbeValidation = 0.2;
constexpr double kTie = 1e-6;  // far below the accuracy of one example

struct HeadOutputs {
  Tensor z;  // [N, n_layers, n_heads, d_head] f64
  std::vector<bool> positive;
};

HeadOutputs head_outputs(const Model& model, const SteerData& data) {
  HeadOutputs out;
  std::vector<std::vector<std::int32_t>> tokens;
  for (const LabelledText& text : labelled_texts(data)) {
    out.positive.push_back(text.positive);
    tokens.push_back(text.tokens);
  }
  const std::vector<HookPoint> points = head_outputs_of(model);
  const auto values = last_token_values(model, tokens, points);
  std::vector<Tensor> layers;
  for (const HookPoint point : points) {
    layers.push_back(values.at(hook_name(point.site, point.layer)));
  }
  out.z = at::stack(layers, 1).to(at::kDouble);
  return out;
}

Tensor of_head(const Tensor& z, const HeadId& head) {
  return z.select(1, head.layer).select(1, head.head);
}

// Mean log-probability that the probe gives to the classes, at most 0.
double likelihood(const LinearProbe& probe, const Tensor& x, const std::vector<bool>& positive) {
  Tensor side = x.matmul(probe.weight) + probe.bias;
  for (std::size_t i = 0; i < positive.size(); ++i) {
    if (!positive[i]) {
      side[static_cast<std::int64_t>(i)].neg_();
    }
  }
  return at::log_sigmoid(side).mean().item<double>();
}

}  // namespace

Tensor HeadProbes::direction(const HeadId& head, DirectionOf of) const {
  const Tensor x = of_head(z, head);
  const Tensor along = of == DirectionOf::weights ? probes[accuracy.grid.index_of(head)].weight
                                                  : mean_difference(x, positive);
  const Tensor theta = along / along.pow(2).sum().sqrt();
  const Tensor projected = x.matmul(theta);
  const Tensor sigma = (projected - projected.mean()).pow(2).mean().sqrt();
  return (sigma * theta).to(at::kFloat);
}

HeadProbes fit_head_probes(const Model& model, const SteerData& data, std::uint64_t seed) {
  const SteerSplit split = split_of(data, kProbeValidation, seed + 1);
  const HeadOutputs train = head_outputs(model, split.fit);
  const HeadOutputs judged = head_outputs(model, split.held_out);
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  HeadProbes out{.accuracy = HeadScores(grid), .ranking = HeadScores(grid), .probes = {}};
  for (const HeadId& head : grid.heads()) {
    const LinearProbe probe = fit_probe(of_head(train.z, head).contiguous(), train.positive);
    const Tensor x = of_head(judged.z, head).contiguous();
    out.accuracy[head] = accuracy_of(probe, x, judged.positive);
    out.ranking[head] = out.accuracy[head] + kTie * likelihood(probe, x, judged.positive);
    out.probes.push_back(probe);
  }
  out.z = at::cat({train.z, judged.z});
  out.positive = train.positive;
  out.positive.insert(out.positive.end(), judged.positive.begin(), judged.positive.end());
  return out;
}

double mean_probe_accuracy(const Model& model,
                           const HeadProbes& probes,
                           const std::vector<HeadId>& heads,
                           const SteerData& data) {
  const HeadOutputs judged = head_outputs(model, data);
  double sum = 0.0;
  for (const HeadId& head : heads) {
    sum += accuracy_of(probes.probes[probes.accuracy.grid.index_of(head)],
                       of_head(judged.z, head).contiguous(),
                       judged.positive);
  }
  return sum / static_cast<double>(heads.size());
}

}  // namespace headscope
