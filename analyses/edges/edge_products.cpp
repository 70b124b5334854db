#include "analyses/edges/edge_products.h"

#include <algorithm>

#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Both are let go of.
Tensor flat_difference(Tensor& own, Tensor& other) {
  const Tensor difference = (own - other).flatten(0, 1);
  own = Tensor();
  other = Tensor();
  return difference;
}

}  // namespace

WriterDifferences::WriterDifferences(
    const Model& model, const EdgeGraph& graph, Written own, Written other, std::int64_t bytes)
    : model_(model), graph_(graph) {
  embed_.push_back(flat_difference(own.embed, other.embed));
  const std::size_t layers = own.carried.size();
  for (std::size_t layer = 0; layer < layers; ++layer) {
    carried_.push_back(flat_difference(own.carried[layer], other.carried[layer]));
    if (layer < own.mlp_out.size()) {
      mlp_.push_back(flat_difference(own.mlp_out[layer], other.mlp_out[layer]));
    }
  }
  positions_ = embed_.front().size(0);
  const std::int64_t d_model = model.config().d_model;
  if (graph.n_writers() * positions_ * d_model * 4 <= bytes) {
    const Tensor all =
        at::empty({graph.n_writers(), positions_, d_model}, embed_.front().options());
    for (std::int64_t layer = -1; layer < model.config().n_layers; ++layer) {
      const Tensor block = this->layer(layer, 0, positions_);
      const std::int64_t first = layer < 0 ? 0 : graph.first_writer(layer);
      all.narrow(0, first, block.size(0)).copy_(block);
    }
    all_ = all;
    carried_.clear();
    mlp_.clear();
  }
}

Tensor WriterDifferences::layer(std::int64_t layer, std::int64_t begin, std::int64_t count) const {
  if (layer < 0) {
    return embed_.front().narrow(0, begin, count).unsqueeze(0);
  }
  const auto index = static_cast<std::size_t>(layer);
  const Tensor heads =
      at::bmm(carried_[index].narrow(0, begin, count).transpose(0, 1), head_outputs(model_, layer));
  return mlp_.empty() ? heads : at::cat({heads, mlp_[index].narrow(0, begin, count).unsqueeze(0)});
}

void WriterDifferences::blocks(
    WriterRange writers,
    std::int64_t begin,
    std::int64_t count,
    const std::function<void(std::int64_t, const Tensor&)>& visit) const {
  if (all_.defined()) {
    const Tensor wanted = all_.narrow(0, writers.first, writers.end - writers.first);
    visit(writers.first, wanted.narrow(1, begin, count));
    return;
  }
  for (std::int64_t l = -1; l < graph_.shape().n_layers; ++l) {
    const std::int64_t before = l < 0 ? 0 : graph_.first_writer(l);
    const std::int64_t first = std::max(writers.first, before);
    const std::int64_t end = std::min(writers.end, graph_.first_writer(l + 1));
    if (first < end) {
      visit(first, layer(l, begin, count).narrow(0, first - before, end - first));
    }
  }
}

void add_products(const WriterDifferences& differences,
                  const EdgeGraph& graph,
                  WriterRange writers,
                  std::int64_t first,
                  std::int64_t begin,
                  const Tensor& gradients,
                  Tensor& scores) {
  writers.end = std::min(writers.end, graph.writers_before(first));
  if (writers.first >= writers.end) {
    return;
  }
  const std::int64_t readers = gradients.size(0);
  const Tensor right = gradients.flatten(1).t();
  differences.blocks(
      writers, begin, gradients.size(1), [&](std::int64_t writer, const Tensor& block) {
        const Tensor products = at::matmul(block.flatten(1), right).to(scores.device());
        scores.narrow(0, writer, block.size(0)).narrow(1, first, readers).add_(products);
      });
}

}  // namespace headscope
