// A circuit of attention heads: which heads, found how, and at which tokens they act.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyses/metric/summary.h"
#include "lib/base/head_id.h"

namespace headscope {

// Heads that do one thing.
struct HeadClass {
  std::string name;  // "name mover"
  std::string at;    // where they act: a span of the task, "end" or "all"
  std::vector<HeadId> heads;
  std::map<HeadId, Summary> effects{};  // of patching a head's paths, on the metric, where measured
};

struct HeadCircuit {
  std::vector<HeadClass> classes;

  [[nodiscard]] const HeadClass* find(const std::string& name) const;  // null: none of that name
  [[nodiscard]] std::vector<HeadId> heads() const;  // each once, by layer and head
};

// What two circuits share (Merullo et al. 2023, arXiv:2310.08744, section 4).
struct Overlap {
  std::vector<HeadId> shared;
  std::size_t first = 0;  // heads in each
  std::size_t second = 0;
  [[nodiscard]] double jaccard() const;  // shared / union; 0 for two empty ones
};
Overlap overlap_of(const HeadCircuit& first, const HeadCircuit& second);

}  // namespace headscope
