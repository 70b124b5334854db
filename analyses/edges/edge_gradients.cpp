#include "analyses/edges/edge_gradients.h"

#include <algorithm>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The gradient of what was cut to ±clip_qkv: nothing gets through where it was cut.
Tensor before_clip(const ModelConfig& config, const Tensor& value, const Tensor& gradient) {
  return config.clip_qkv > 0 ? gradient * value.abs().lt(config.clip_qkv) : gradient;
}

}  // namespace

// Whether any of the writers reaches the reader.
bool EdgeGradients::read_by(std::int64_t reader) const {
  return in_.context.graph.writers_before(reader) > in_.writers.first;
}

bool EdgeGradients::wants(HookPoint point) const {
  const EdgeGraph& graph = in_.context.graph;
  const std::int64_t first = point.layer < 0 ? 0 : graph.first_reader(point.layer);
  switch (point.site) {
    case Site::q:
    case Site::k:  // nothing flows through a pattern that is held constant
      return in_.rule == GradientRule::exact && read_by(first);
    case Site::resid_pre:
    case Site::v:
      return read_by(first);
    case Site::mlp_in:
      return graph.shape().mlps > 0 && read_by(first + 3 * graph.shape().n_heads);
    case Site::resid_post:
      return point.layer == graph.shape().n_layers - 1;
    default:
      return false;
  }
}

void EdgeGradients::visit(const Visit& visit, const Tensor& value, const Tensor& gradient) {
  const EdgeGraph& graph = in_.context.graph;
  const std::int64_t layer = visit.point.layer;
  switch (visit.point.site) {
    case Site::resid_pre:
      stream_ = by_step(value);
      break;
    case Site::q:
      gather_heads(layer, HeadInput::q, before_clip(visit.config, value, gradient));
      break;
    case Site::k:
      gather_heads(layer, HeadInput::k, before_clip(visit.config, value, gradient));
      break;
    case Site::v:
      gather_heads(layer, HeadInput::v, before_clip(visit.config, value, gradient));
      break;
    case Site::mlp_in:
      add_stream(graph.first_reader(layer) + 3 * graph.shape().n_heads, gradient);
      break;
    default:
      add_stream(graph.n_readers() - 1, gradient);
  }
}

// [m·B, T, …] → [m, B·T, …]
Tensor EdgeGradients::by_step(const Tensor& x) const {
  return x.flatten(0, 1).unflatten(0, {in_.steps, in_.differences.positions()});
}

void EdgeGradients::gather_heads(std::int64_t layer, HeadInput input, const Tensor& gradient) {
  heads_.push_back({input, by_step(gradient)});
  const std::size_t all = in_.rule == GradientRule::exact ? 3 : 1;
  if (heads_.size() == all) {
    std::sort(heads_.begin(), heads_.end(), [](const auto& a, const auto& b) {
      return a.input < b.input;  // the order of a layer's readers
    });
    add_heads(layer);
    heads_.clear();
  }
}

void EdgeGradients::add_heads(std::int64_t layer) {
  const EdgeGraph& graph = in_.context.graph;
  const std::int64_t first =
      graph.first_reader(layer) +
      static_cast<std::int64_t>(heads_.front().input) * graph.shape().n_heads;
  const NormGradient norm =
      in_.rule == GradientRule::exact ? NormGradient::exact : NormGradient::constant_scale;
  for (std::int64_t begin = 0; begin < in_.differences.positions(); begin += in_.chunk) {
    const std::int64_t count = std::min(in_.chunk, in_.differences.positions() - begin);
    const auto cut = [&](const Tensor& x) { return x.narrow(1, begin, count).flatten(0, 1); };
    const NormalizedStream stream = normalized_stream(in_.context.model, cut(stream_));
    std::vector<HeadInputGradient> part = heads_;
    for (HeadInputGradient& each : part) {
      each.gradient = cut(each.gradient);
    }
    const Tensor read = head_reader_gradients(in_.context.model, layer, part, stream, norm);
    const Tensor mean = in_.steps == 1 ? read : read.unflatten(1, {in_.steps, count}).mean(1);
    add_products(in_.differences, graph, in_.writers, first, begin, mean, scores_);
  }
}

void EdgeGradients::add_stream(std::int64_t reader, const Tensor& gradient) {
  const Tensor g = by_step(gradient).mean(0).to(at::kFloat).unsqueeze(0);
  for (std::int64_t begin = 0; begin < in_.differences.positions(); begin += in_.chunk) {
    const std::int64_t count = std::min(in_.chunk, in_.differences.positions() - begin);
    const Tensor part = g.narrow(1, begin, count);
    add_products(in_.differences, in_.context.graph, in_.writers, reader, begin, part, scores_);
  }
}

}  // namespace headscope
