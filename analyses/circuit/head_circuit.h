// A circuit of attention heads: which heads, found how, and at which tokens they act.
#pragma once

#include <string>
#include <vector>

#include "analyses/metric/summary.h"

namespace headscope {

struct CircuitHead {
  std::int64_t layer = 0;
  std::int64_t head = 0;  // a query head
  Summary effect{};       // of patching its paths, on the metric
  bool operator==(const CircuitHead& other) const {
    return layer == other.layer && head == other.head;
  }
};

std::string to_string(const CircuitHead& head);  // "9.6"

// Heads that do one thing.
struct HeadClass {
  std::string name;  // "name mover"
  std::string at;    // where they act: a span of the task, "end" or "all"
  std::vector<CircuitHead> heads;
};

struct HeadCircuit {
  std::vector<HeadClass> classes;

  [[nodiscard]] const HeadClass* find(const std::string& name) const;  // null: none of that name
  [[nodiscard]] std::vector<CircuitHead> heads() const;  // each once, by layer and head
};

// What two circuits share (Merullo et al. 2023, arXiv:2310.08744, section 4).
struct Overlap {
  std::vector<CircuitHead> shared;
  std::size_t first = 0;  // heads in each
  std::size_t second = 0;
  [[nodiscard]] double jaccard() const;  // shared / union; 0 for two empty ones
};
Overlap overlap_of(const HeadCircuit& first, const HeadCircuit& second);

}  // namespace headscope
