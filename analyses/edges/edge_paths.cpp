#include "analyses/edges/edge_paths.h"

#include <memory>

#include "analyses/edges/pass_change.h"
#include "lib/model/gradients.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// −(1 − k/m) · difference, k = 1 … m: [m·B, T, d_model].
Tensor shifts(const Tensor& difference, std::int64_t steps) {
  std::vector<Tensor> all;
  for (std::int64_t step = 1; step <= steps; ++step) {
    const double left = 1.0 - static_cast<double>(step) / static_cast<double>(steps);
    all.push_back(difference * -left);
  }
  return at::cat(all);
}

// Adds to one value of the pass.
class ShiftTap final : public Tap {
 public:
  ShiftTap(HookPoint point, Tensor shift) : point_(point), shift_(std::move(shift)) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point == point_ ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override {
    return value + shift_.to(value.scalar_type());
  }

 private:
  HookPoint point_;
  Tensor shift_;
};

// What all heads of a layer write otherwise: [B, T, d_model].
Tensor attention_difference(const Model& model,
                            std::int64_t layer,
                            const Written& own,
                            const Written& other) {
  const auto l = static_cast<std::size_t>(layer);
  const Tensor carried = own.carried[l] - other.carried[l];
  return at::matmul(carried.flatten(2), head_outputs(model, layer).flatten(0, 1));
}

EdgePath input_path(const CircuitContext& context,
                    WriterRange writers,
                    std::int64_t steps,
                    const Tensor& stream,
                    const BatchLayout& layout,
                    const Tensor& difference) {
  EdgePath path{writers, context.model, repeated_rows(layout, stream, steps)};
  if (steps > 1) {
    path.from.residual = path.from.residual + shifts(difference, steps);
  }
  return path;
}

// A path on which the value at `site` of a layer changes.
EdgePath path_at(const CircuitContext& context,
                 WriterRange writers,
                 HookPoint site,
                 Resume from,
                 const Tensor& shift) {
  from.layer = site.layer;
  const auto make = [site, shift] { return std::make_unique<ShiftTap>(site, shift); };
  return {writers, changed_by(context.model, make), std::move(from)};
}

}  // namespace

void each_path(const CircuitContext& context,
               PathOf of,
               std::int64_t steps,
               const PromptBatch& batch,
               const Written& own,
               const Written& other,
               const std::function<bool(const EdgePath&)>& visit) {
  const EdgeGraph& graph = context.graph;
  const BatchLayout& layout = batch.layout();
  const Tensor first = first_stream(context.model, batch.clean);
  const WriterRange of_inputs{0, of == PathOf::inputs ? graph.n_writers() : 1};
  if (!visit(input_path(context, of_inputs, steps, first, layout, own.embed - other.embed)) ||
      of == PathOf::inputs) {
    return;
  }
  const std::vector<Tensor> streams = residual_streams(context.model, {layout, first});
  for (int layer = 0; layer < graph.shape().n_layers; ++layer) {
    const std::int64_t begin = graph.first_writer(layer);
    const std::int64_t heads_end = begin + graph.shape().n_heads;
    const auto l = static_cast<std::size_t>(layer);
    const Resume from = repeated_rows(layout, streams[l], steps);
    const Tensor heads = shifts(attention_difference(context.model, layer, own, other), steps);
    if (!visit(path_at(context, {begin, heads_end}, {Site::attn_out, layer}, from, heads))) {
      return;
    }
    if (graph.shape().mlps > 0) {
      const Tensor mlp = shifts(own.mlp_out[l] - other.mlp_out[l], steps);
      if (!visit(path_at(context, {heads_end, heads_end + 1}, {Site::mlp_out, layer}, from, mlp))) {
        return;
      }
    }
  }
}

}  // namespace headscope
