#include "analyses/edges/written.h"

#include "lib/model/norm.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

const BlockWeights& block_weights(const Model& model, std::int64_t layer) {
  return model.weights().blocks.at(static_cast<std::size_t>(layer));
}

bool carries_bias(const Model& model, std::int64_t layer) {
  return has_post_norm(model.config()) && block_weights(model, layer).b_O.defined();
}

}  // namespace

Tensor weights_of_tokens(const BatchLayout& layout, const at::Device& device) {
  Tensor weights = at::zeros({layout.rows, layout.columns, 1}, at::kFloat);
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    const std::int64_t pad = layout.pads[static_cast<std::size_t>(row)];
    const std::int64_t tokens = layout.columns - pad;
    weights.select(0, row).narrow(0, pad, tokens).fill_(1.0 / static_cast<double>(tokens));
  }
  return weights.to(device);
}

Tensor head_outputs(const Model& model, std::int64_t layer) {
  const ModelConfig& c = model.config();
  Tensor outputs = model.W_O(layer).to(at::kFloat);
  if (!has_post_norm(c)) {
    return outputs.contiguous();
  }
  if (carries_bias(model, layer)) {
    const Tensor bias = block_weights(model, layer).b_O.to(at::kFloat).view({1, 1, c.d_model});
    outputs = at::cat({outputs, bias.expand({c.n_heads, 1, c.d_model})}, 1);
  }
  if (c.norm == Norm::layer_norm) {
    outputs = outputs - outputs.mean(-1, true);
  }
  return with_gain(outputs, block_weights(model, layer).ln1_post).contiguous();
}

Tensor carried_by_heads(const Model& model,
                        std::int64_t layer,
                        const Tensor& z,
                        const Tensor& scale) {
  Tensor carried = z.to(at::kFloat);
  if (!scale.defined()) {
    return carried;
  }
  const Tensor divisor = scale.to(at::kFloat).unsqueeze(-1);  // [B, T, 1, 1]
  carried = carried / divisor;
  if (carries_bias(model, layer)) {
    const auto heads = static_cast<double>(model.config().n_heads);
    const Tensor bias = (1.0 / heads) / divisor;
    carried = at::cat({carried, bias.expand({z.size(0), z.size(1), z.size(2), 1})}, 3);
  }
  return carried;
}

Tensor head_shares(const Tensor& carried, const Tensor& outputs) {
  return at::bmm(carried.flatten(0, 1).transpose(0, 1), outputs);
}

HookPoint input_point(const ModelConfig& config) {
  return config.embed_norm ? HookPoint{Site::resid_pre, 0} : HookPoint{Site::embed};
}

WrittenTap::WrittenTap(const Model& model) : model_(model) {}

Interest WrittenTap::wants(HookPoint point) const {
  const bool wanted = point == input_point(model_.config()) || point.site == Site::z ||
                      point.site == Site::mlp_out ||
                      (point.site == Site::ln1_post_scale && has_post_norm(model_.config()));
  return wanted ? Interest::observe : Interest::none;
}

Tensor WrittenTap::visit(const Visit& visit, const Tensor& value) {
  const int layer = visit.point.layer;
  switch (visit.point.site) {
    case Site::embed:
    case Site::resid_pre:
      written.embed = value.to(at::kFloat);
      break;
    case Site::z:
      written.carried.push_back(value);
      break;
    case Site::ln1_post_scale:
      written.carried.back() = carried_by_heads(model_, layer, written.carried.back(), value);
      break;
    default:
      written.mlp_out.push_back(value.to(at::kFloat));
  }
  if (visit.point.site == Site::z && !has_post_norm(visit.config)) {
    written.carried.back() = carried_by_heads(model_, layer, value, {});
  }
  return value;
}

Written written_by(const Model& model, const Batch& batch) {
  WrittenTap tap(model);
  model.forward(batch, tap, {.logits = Logits::none});
  return std::move(tap.written);
}

void add_mean(Written& sum, const Written& run, const BatchLayout& layout, double share) {
  const Tensor weights = weights_of_tokens(layout, run.embed.device());
  const auto mean = [&](const Tensor& x) {
    const Tensor weight = x.dim() == 4 ? weights.unsqueeze(-1) : weights;
    // Padding may hold anything.
    const Tensor real = at::where(weight > 0, x * weight, at::zeros({}, x.options()));
    return real.sum(at::IntArrayRef({0, 1}), true) * share;
  };
  const auto add = [&](Tensor& total, const Tensor& x) {
    total = total.defined() ? total + mean(x) : mean(x);
  };
  sum.carried.resize(run.carried.size());
  sum.mlp_out.resize(run.mlp_out.size());
  add(sum.embed, run.embed);
  for (std::size_t layer = 0; layer < run.carried.size(); ++layer) {
    add(sum.carried[layer], run.carried[layer]);
  }
  for (std::size_t layer = 0; layer < run.mlp_out.size(); ++layer) {
    add(sum.mlp_out[layer], run.mlp_out[layer]);
  }
}

Written nothing_written(const Model& model) {
  const ModelConfig& c = model.config();
  const auto zeros = [&](const std::vector<std::int64_t>& sizes) {
    return at::zeros(sizes, model.weights().W_E.options().dtype(at::kFloat));
  };
  Written written{.embed = zeros({1, 1, c.d_model}), .carried = {}, .mlp_out = {}};
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const std::int64_t size = c.d_head + (carries_bias(model, layer) ? 1 : 0);
    written.carried.push_back(zeros({1, 1, c.n_heads, size}));
    if (has_mlp(c)) {
      written.mlp_out.push_back(zeros({1, 1, c.d_model}));
    }
  }
  return written;
}

}  // namespace headscope
