// The edges of a transformer: what writes to the residual stream, who reads it, and which writer
// reaches which reader (Conmy et al. 2023, arXiv:2304.14997; Hanna et al. 2024, arXiv:2403.17806).
// Free of Torch.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/node.h"
#include "lib/model/config.h"

namespace headscope {

// What decides which edges a model has. `n_heads` are query heads: where heads share keys and
// values, each query head reads its own view of them, as if they were not shared.
struct GraphShape {
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  std::int64_t d_model = 0;
  BlockOrder block_order = BlockOrder::sequential;
  std::int64_t mlps = 1;  // in each layer: 1, or 0 of a model of attention alone
  bool operator==(const GraphShape&) const = default;
};

GraphShape graph_shape(const ModelConfig& config);

// Writers are the input (the embeddings), the heads and the MLPs, in the order of the forward pass;
// readers are the queries, keys and values of the heads, the MLPs and the logits: of a layer all
// queries come first, then all keys, all values and the MLP. What reaches a reader is always the
// first so many of the writers.
class EdgeGraph {
 public:
  // Throws UsageError for sizes that are not positive.
  explicit EdgeGraph(const GraphShape& shape);

  [[nodiscard]] const GraphShape& shape() const { return shape_; }
  [[nodiscard]] std::int64_t n_writers() const;  // 1 + L (H + mlps)
  [[nodiscard]] std::int64_t n_readers() const;  // L (3 H + mlps) + 1
  [[nodiscard]] std::int64_t n_edges() const { return first_edge_.back(); }

  // The writers, and the readers, of one layer.
  [[nodiscard]] std::int64_t writers_a_layer() const { return shape_.n_heads + shape_.mlps; }
  [[nodiscard]] std::int64_t readers_a_layer() const { return 3 * shape_.n_heads + shape_.mlps; }
  [[nodiscard]] std::int64_t first_writer(std::int64_t layer) const;
  [[nodiscard]] std::int64_t first_reader(std::int64_t layer) const;

  // How many writers, from the first, reach the reader.
  [[nodiscard]] std::int64_t writers_before(std::int64_t reader) const;

  // A node's number among the writers, and among the readers as `input`. Throws UsageError for what
  // the model does not have.
  [[nodiscard]] std::int64_t writer(const Node& node) const;
  [[nodiscard]] std::int64_t reader(const Node& node, std::optional<HeadInput> input) const;
  [[nodiscard]] Node writer_node(std::int64_t writer) const;
  [[nodiscard]] Edge edge_between(std::int64_t writer, std::int64_t reader) const;

  // Edges are numbered by reader, then writer.
  [[nodiscard]] std::int64_t index(std::int64_t writer, std::int64_t reader) const {
    return first_edge_[static_cast<std::size_t>(reader)] + writer;
  }
  [[nodiscard]] std::int64_t index(const Edge& edge) const;  // UsageError if there is no such edge
  [[nodiscard]] Edge edge(std::int64_t index) const;

  // The writer whose number the reader's node has: none of the logits.
  [[nodiscard]] std::int64_t writer_of_reader(std::int64_t reader) const;  // −1 of the logits

 private:
  GraphShape shape_;
  std::vector<std::int64_t> first_edge_;  // [n_readers + 1]
};

}  // namespace headscope
