// Sums of products difference · gradient, every writer's with every reader's, a block at a time.
#pragma once

#include <functional>

#include "analyses/edges/written.h"

namespace headscope {

// Consecutive writers [first, end).
struct WriterRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
};

// What the writers wrote otherwise: `own` − `other`, both of one batch (or `other` of any run).
// What is moved here is let go of layer by layer, so that hardly more than one of the two is held.
class WriterDifferences {
 public:
  // Memory holds the differences of all writers at once if they take at most `bytes`; else those of
  // one layer, formed again for every reader layer. `model` and `graph` outlive this.
  WriterDifferences(
      const Model& model, const EdgeGraph& graph, Written own, Written other, std::int64_t bytes);

  [[nodiscard]] std::int64_t positions() const { return positions_; }

  // Of the writers, in blocks [w, count, d_model] of consecutive ones, at the positions
  // [begin, begin + count) of all rows in order: visit(first writer, block).
  void blocks(WriterRange writers,
              std::int64_t begin,
              std::int64_t count,
              const std::function<void(std::int64_t, const Tensor&)>& visit) const;

 private:
  // One layer's, from its parts: −1 is the input.
  [[nodiscard]] Tensor layer(std::int64_t layer, std::int64_t begin, std::int64_t count) const;

  const Model& model_;
  const EdgeGraph& graph_;
  std::vector<Tensor> embed_, carried_, mlp_;  // differences, positions flattened; until all_ is
  std::int64_t positions_ = 0;
  Tensor all_;  // [W, positions, d_model], if they fit
};

// scores[u, v] += Σ difference of u · gradient of v, over positions and d_model, for the u of
// `writers` that reach v. Readers [first, first + R) of one layer, all of which the same writers
// reach; gradients [R, n, d_model] at positions [begin, begin + n). `scores` is [W, readers] f64,
// best where the model is: on another device each product is waited for.
void add_products(const WriterDifferences& differences,
                  const EdgeGraph& graph,
                  WriterRange writers,
                  std::int64_t first,
                  std::int64_t begin,
                  const Tensor& gradients,
                  Tensor& scores);

}  // namespace headscope
