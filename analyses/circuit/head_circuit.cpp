#include "analyses/circuit/head_circuit.h"

#include <algorithm>

#include <fmt/format.h>

namespace headscope {

std::string to_string(const CircuitHead& head) {
  return fmt::format("{}.{}", head.layer, head.head);
}

const HeadClass* HeadCircuit::find(const std::string& name) const {
  const auto found = std::find_if(
      classes.begin(), classes.end(), [&](const HeadClass& each) { return each.name == name; });
  return found == classes.end() ? nullptr : &*found;
}

std::vector<CircuitHead> HeadCircuit::heads() const {
  std::vector<CircuitHead> all;
  for (const HeadClass& each : classes) {
    for (const CircuitHead& head : each.heads) {
      if (std::find(all.begin(), all.end(), head) == all.end()) {
        all.push_back(head);
      }
    }
  }
  std::sort(all.begin(), all.end(), [](const CircuitHead& a, const CircuitHead& b) {
    return std::pair(a.layer, a.head) < std::pair(b.layer, b.head);
  });
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
  std::copy_if(
      a.begin(), a.end(), std::back_inserter(overlap.shared), [&](const CircuitHead& head) {
        return std::find(b.begin(), b.end(), head) != b.end();
      });
  return overlap;
}

}  // namespace headscope
