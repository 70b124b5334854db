#include "analyses/circuit/head_circuit.h"

#include <algorithm>
#include <iterator>

namespace headscope {

const HeadClass* HeadCircuit::find(const std::string& name) const {
  const auto found = std::find_if(
      classes.begin(), classes.end(), [&](const HeadClass& each) { return each.name == name; });
  return found == classes.end() ? nullptr : &*found;
}

std::vector<HeadId> HeadCircuit::heads() const {
  std::vector<HeadId> all;
  for (const HeadClass& each : classes) {
    for (const HeadId& head : each.heads) {
      if (std::find(all.begin(), all.end(), head) == all.end()) {
        all.push_back(head);
      }
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

double Overlap::jaccard() const {
  const std::size_t all = first + second - shared.size();
  return all == 0 ? 0.0 : static_cast<double>(shared.size()) / static_cast<double>(all);
}

Overlap overlap_of(const HeadCircuit& first, const HeadCircuit& second) {
  const auto a = first.heads();
  const auto b = second.heads();
  Overlap overlap{{}, a.size(), b.size()};
  std::copy_if(a.begin(), a.end(), std::back_inserter(overlap.shared), [&](const HeadId& head) {
    return std::find(b.begin(), b.end(), head) != b.end();
  });
  return overlap;
}

}  // namespace headscope
