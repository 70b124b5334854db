// Keys and values that query heads share, told once for all of them. Free of Torch.
#pragma once

#include <string>
#include <vector>

#include "analyses/edges/edge_graph.h"

namespace headscope {

// The edges of a graph of query heads seen by KV heads, of which each serves `heads_per_kv`
// consecutive query heads.
class KvHeads {
 public:
  // Throws UsageError for 1, where nothing is shared, and for what does not divide the heads.
  KvHeads(const EdgeGraph& graph, std::int64_t heads_per_kv);

  // The places of the edges that are one with this one: the same writer, into the key (value) of
  // the query heads that share a KV head; of any other edge itself alone.
  [[nodiscard]] std::vector<std::int64_t> shared(std::int64_t edge) const;

  // Every edge's score is that of its shared() ones added up: what cutting all of them loses, to
  // first order, so that they rank, and are chosen, together.
  [[nodiscard]] std::vector<double> added_up(const std::vector<double>& scores) const;

  // "m0->a5.kv1<k>" of an edge into a KV head; else as graph_name().
  [[nodiscard]] std::string name(std::int64_t edge) const;

 private:
  [[nodiscard]] bool is_shared(const Edge& edge) const;

  const EdgeGraph& graph_;
  std::int64_t heads_per_kv_;
};

}  // namespace headscope
