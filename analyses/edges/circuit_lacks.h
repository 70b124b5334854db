// What the readers of circuits lack: the writers they are cut off from, told once for readers that
// are cut off from the same. Free of Torch.
#pragma once

#include <vector>

#include "analyses/edges/circuit_mask.h"

namespace headscope {

struct Lack {
  std::int64_t circuit = 0;           // its place among the circuits
  std::vector<std::int64_t> readers;  // in order
  std::vector<std::int64_t> writers;  // cut off from them, in order; never none
};

class CircuitLacks {
 public:
  // The circuits outlive this.
  CircuitLacks(const EdgeGraph& graph, const std::vector<const EdgeSet*>& circuits);

  // Of the readers [first, first + count) of one layer, circuit by circuit. A reader whose node
  // nothing reads in a circuit is left out of that circuit: whatever it writes is cut off
  // everywhere, so that it does not matter what it reads.
  [[nodiscard]] std::vector<Lack> of(std::int64_t first, std::int64_t count) const;

  // Whether of() is empty.
  [[nodiscard]] bool none(std::int64_t first, std::int64_t count) const;
  // The last reader that lacks something in some circuit; −1: none does.
  [[nodiscard]] std::int64_t last() const { return last_; }

 private:
  [[nodiscard]] bool matters(std::size_t circuit, std::int64_t reader) const;

  const EdgeGraph& graph_;
  const std::vector<const EdgeSet*> circuits_;
  std::vector<std::vector<bool>> read_;  // [circuits][writers], by some edge of the circuit
  std::vector<bool> lacks_;              // [readers], in some circuit
  std::int64_t last_ = -1;
};

}  // namespace headscope
