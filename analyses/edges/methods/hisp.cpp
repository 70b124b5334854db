// Head importance for pruning: a node by itself, without a corrupted run.
#include <algorithm>
#include <limits>

#include "analyses/edges/edge_attribution.h"
#include "analyses/edges/methods.h"
#include "analyses/edges/written.h"
#include "lib/model/gradients.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// |Σ value · gradient| of each writer, a row each.
class HispTap final : public GradientTap {
 public:
  HispTap(const CircuitContext& context, Tensor& scores)
      : graph_(context.graph), input_(input_point(context.model.config())), scores_(scores) {}

  [[nodiscard]] bool wants(HookPoint point) const override {
    return point == input_ || point.site == Site::z || point.site == Site::mlp_out;
  }

  void visit(const Visit& visit, const Tensor& value, const Tensor& gradient) override {
    const Tensor product = value.to(at::kDouble) * gradient.to(at::kDouble);
    const std::int64_t layer = visit.point.layer;
    if (visit.point.site == Site::z) {
      add(graph_.first_writer(layer), product.sum(at::IntArrayRef({1, 3})));
    } else {
      const Tensor one = product.sum(at::IntArrayRef({1, 2})).unsqueeze(1);
      add(visit.point == input_ ? 0 : graph_.writer(Node::mlp(layer)), one);
    }
  }

 private:
  // `of_rows` [B, w].
  void add(std::int64_t writer, const Tensor& of_rows) {
    scores_.narrow(0, writer, of_rows.size(1)).add_(of_rows.abs().sum(0).cpu());
  }

  const EdgeGraph& graph_;
  HookPoint input_;
  Tensor& scores_;
};

std::vector<double> hisp_nodes(const CircuitContext& context, const CircuitSettings& settings) {
  check_gradient(context.scoring.metric(), 1);
  Tensor scores = at::zeros({context.graph.n_writers()}, at::kDouble);
  HispTap tap(context, scores);
  const std::int64_t tokens = enough_tokens(context.model.device(), PassDirection::backwards);
  std::int64_t done = 0;
  for (const PromptBatch& batch : prompt_batches(context.task.items, tokens)) {
    if (settings.stop && settings.stop()) {
      return {};
    }
    gradients(
        context.model,
        batch.clean,
        [&](const Tensor& logits) {
          return context.scoring.differentiable(logits, batch.items, {});
        },
        tap,
        context.scoring.vocab());
    done += batch.rows();
    if (settings.progress) {
      settings.progress(done, static_cast<std::int64_t>(context.task.items.size()));
    }
  }
  scores.div_(static_cast<double>(context.task.items.size()));
  const auto* score = scores.const_data_ptr<double>();
  return {score, score + scores.numel()};
}

std::vector<double> hisp_edges(const CircuitContext& context, const CircuitSettings& settings) {
  const std::vector<double> nodes = hisp_nodes(context, settings);
  std::vector<double> edges;
  for (std::int64_t reader = 0; !nodes.empty() && reader < context.graph.n_readers(); ++reader) {
    const std::int64_t to = context.graph.writer_of_reader(reader);
    const double read =
        to < 0 ? std::numeric_limits<double>::infinity() : nodes[static_cast<std::size_t>(to)];
    for (std::int64_t writer = 0; writer < context.graph.writers_before(reader); ++writer) {
      edges.push_back(std::min(nodes[static_cast<std::size_t>(writer)], read));
    }
  }
  return edges;
}

}  // namespace

CircuitMethod hisp_method() {
  return {.name = "hisp",
          .summary = "head importance: how strongly the metric hangs on the scale of a node",
          .definition =
              "|z_u · ∂metric/∂z_u| at the clean run, the mean over items; of an edge the "
              "smaller of its ends'",
          .source =
              "Michel et al. 2019, arXiv:1905.10650, section 3; its use for circuits: Conmy "
              "et al. 2023, arXiv:2304.14997",
          .edges = hisp_edges,
          .nodes = hisp_nodes};
}

}  // namespace headscope
