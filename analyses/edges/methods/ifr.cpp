// Information flow routes: how much of what a reader reads each writer is, whatever the task asks.
#include <algorithm>

#include "analyses/edges/edge_memory.h"
#include "analyses/edges/edge_products.h"
#include "analyses/edges/methods.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Shares of what each reader of a pass reads, a column each.
class FlowTap final : public Tap {
 public:
  // `weights` [n, 1] of all positions. `scores` [W, readers].
  FlowTap(const CircuitContext& context,
          const WriterDifferences& written,
          const Tensor& weights,
          std::int64_t chunk,
          Tensor& scores)
      : context_(context), written_(written), weights_(weights), chunk_(chunk), scores_(scores) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    const GraphShape& shape = context_.graph.shape();
    const bool read = point.site == Site::resid_pre || point.site == Site::mlp_in ||
                      (point.site == Site::resid_post && point.layer == shape.n_layers - 1);
    return read ? Interest::observe : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    const EdgeGraph& graph = context_.graph;
    const std::int64_t heads = 3 * graph.shape().n_heads;
    if (visit.point.site == Site::resid_post) {
      add(graph.n_readers() - 1, 1, value);
    } else {
      const std::int64_t first = graph.first_reader(visit.point.layer);
      const bool of_heads = visit.point.site == Site::resid_pre;
      add(of_heads ? first : first + heads, of_heads ? heads : 1, value);
    }
    return value;
  }

 private:
  // Readers [first, first + count) read one stream [B, T, d_model].
  void add(std::int64_t first, std::int64_t count, const Tensor& stream) {
    const Tensor flat = stream.to(at::kFloat).flatten(0, 1);
    const std::int64_t writers = context_.graph.writers_before(first);
    Tensor sum = at::zeros({writers}, flat.options().dtype(at::kDouble));
    for (std::int64_t begin = 0; begin < flat.size(0); begin += chunk_) {
      const std::int64_t n = std::min(chunk_, flat.size(0) - begin);
      const Tensor weights = weights_.narrow(0, begin, n).squeeze(1);
      const Tensor shares = shares_of(writers, begin, flat.narrow(0, begin, n)).to(at::kDouble);
      // Padding may hold anything.
      sum += at::where(weights > 0, shares * weights, at::zeros_like(shares)).sum(1);
    }
    const Tensor column = sum.to(at::kCPU).unsqueeze(1);
    scores_.narrow(0, 0, writers).narrow(1, first, count).add_(column);
  }

  // [writers, n]
  [[nodiscard]] Tensor shares_of(std::int64_t writers,
                                 std::int64_t begin,
                                 const Tensor& stream) const {
    const Tensor whole = stream.abs().sum(-1);
    std::vector<Tensor> parts;
    written_.blocks({0, writers}, begin, stream.size(0), [&](std::int64_t, const Tensor& block) {
      parts.push_back((whole - (block - stream).abs_().sum(-1)).clamp_min(0));
    });
    const Tensor near = at::cat(parts);
    const Tensor all = near.sum(0, true);
    return at::where(all > 0, near / all, at::zeros_like(near));
  }

  const CircuitContext& context_;
  const WriterDifferences& written_;
  const Tensor& weights_;
  const std::int64_t chunk_;
  Tensor& scores_;
};

void add_batch(const CircuitContext& context,
               const PromptBatch& batch,
               std::int64_t chunk,
               Tensor& scores) {
  const Model& model = context.model;
  const WriterDifferences written(
      model, context.graph, written_by(model, batch.clean), nothing_written(model), 0);
  const Tensor weights =
      weights_of_tokens(batch.layout(), model.weights().W_E.device()).flatten(0, 1).to(at::kDouble);
  FlowTap tap(context, written, weights, chunk, scores);
  model.forward(batch.clean, tap, {.logits = Logits::none});
}

std::vector<double> flow_edges(const CircuitContext& context, const CircuitSettings& settings) {
  const EdgeMemory plan = plan_edges(context, 1, PathOf::inputs);
  const auto total = static_cast<std::int64_t>(context.task.items.size());
  Tensor scores = at::zeros({context.graph.n_writers(), context.graph.n_readers()}, at::kDouble);
  std::int64_t done = 0;
  for (const PromptBatch& batch : prompt_batches(context.task.items, plan.batch_tokens)) {
    if (settings.stop && settings.stop()) {
      return {};
    }
    add_batch(context, batch, plan.chunk, scores);
    done += batch.rows();
    if (settings.progress) {
      settings.progress(done, total);
    }
  }
  return edge_scores(context.graph, scores.div_(static_cast<double>(total)));
}

}  // namespace

CircuitMethod ifr_method() {
  return {.name = "ifr",
          .summary =
              "information flow routes: how much of what is read a writer is, at the clean "
              "run alone",
          .definition =
              "p_u / Σ p, p_u = max(0, ‖y‖₁ − ‖z_u − y‖₁), y the stream that v reads; the "
              "mean over tokens, then over items",
          .source = "Ferrando & Voita 2024, arXiv:2403.00824",
          .edges = flow_edges,
          .nodes = nullptr,
          .limit =
              "it asks neither the metric nor the corrupted run: it finds what is large, "
              "whatever the task needs"};
}

}  // namespace headscope
