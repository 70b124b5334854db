// Automatic circuit discovery (Conmy et al. 2023, arXiv:2304.14997, algorithm 1).
#pragma once

#include <vector>

#include "analyses/edges/circuit_mask.h"
#include "analyses/edges/task_circuits.h"

namespace headscope {

// One search: from the logits back to the input, and at each reader from the last writer to the
// first, an edge is cut for good if that loses less than the threshold. Decides exactly as if edges
// were cut one by one, but asks for many at once: the circuits without the next one, two, three, …
// edges, of which those up to the first that must stay count. Edges into nodes that nothing reads
// any more cost nothing and are cut unasked.
class AcdcSearch {
 public:
  // `whole` is the mean of the model, as TaskCircuits::means() gives it.
  AcdcSearch(const EdgeGraph& graph, double threshold, double whole);

  [[nodiscard]] bool done() const { return reader_ < 0; }
  [[nodiscard]] double threshold() const { return threshold_; }
  [[nodiscard]] const EdgeSet& circuit() const { return circuit_; }
  [[nodiscard]] std::int64_t visited() const { return visited_; }  // edges that are decided

  // The circuits whose means decide what comes next; none where it is done.
  [[nodiscard]] std::vector<EdgeSet> candidates() const;
  // Those means, in their order.
  void decide(const std::vector<double>& means);

 private:
  [[nodiscard]] bool is_read(std::int64_t reader) const;
  void next_reader();
  void advance(std::int64_t edges);

  const EdgeGraph& graph_;
  double threshold_;
  double current_;
  EdgeSet circuit_;
  std::vector<std::int64_t> readers_of_;  // [writers], edges of the circuit that leave each
  std::int64_t reader_;                   // in hand
  std::int64_t left_ = 0;                 // writers of it that are undecided: the first so many
  std::int64_t ahead_ = 4;                // edges asked for at once
  std::int64_t visited_ = 0;
};

}  // namespace headscope
