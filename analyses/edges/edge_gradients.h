// From gradients, as a backward pass brings them, to scores of edges.
#pragma once

#include "analyses/edges/circuit_context.h"
#include "analyses/edges/edge_products.h"
#include "analyses/edges/reader_gradients.h"
#include "lib/model/gradients.h"

namespace headscope {

// Whose gradients are taken: the metric's, or those of RelP's rules (relevance_rules.h; the pass is
// one of with_relevance_rules()).
enum class GradientRule { exact, relevance };

// Adds Σ difference of u · mean gradient at v to scores[u, v] [W, readers] f64, for the u of
// `writers` and every v after them. The rows are m runs of the items, run by run.
class EdgeGradients final : public GradientTap {
 public:
  struct Setting {
    const CircuitContext& context;
    const WriterDifferences& differences;
    WriterRange writers;
    std::int64_t steps = 1;  // m
    std::int64_t chunk = 1;  // positions at once
    GradientRule rule = GradientRule::exact;
  };
  // `scores` and what the setting refers to outlive this.
  EdgeGradients(const Setting& setting, Tensor& scores) : in_(setting), scores_(scores) {}

  [[nodiscard]] bool wants(HookPoint point) const override;
  void visit(const Visit& visit, const Tensor& value, const Tensor& gradient) override;

 private:
  [[nodiscard]] bool read_by(std::int64_t reader) const;
  [[nodiscard]] Tensor by_step(const Tensor& x) const;
  // Of all heads' queries, keys and values together: what writers wrote is formed and read once.
  void gather_heads(std::int64_t layer, HeadInput input, const Tensor& gradient);
  void add_heads(std::int64_t layer);
  void add_stream(std::int64_t reader, const Tensor& gradient);

  Setting in_;
  Tensor& scores_;
  Tensor stream_;                         // entering the layer in hand
  std::vector<HeadInputGradient> heads_;  // of it, by_step(), until all are there
};

}  // namespace headscope
