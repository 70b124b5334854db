#include "analyses/edges/circuit_lacks.h"

#include <algorithm>
#include <map>

namespace headscope {

CircuitLacks::CircuitLacks(const EdgeGraph& graph, const std::vector<const EdgeSet*>& circuits)
    : graph_(graph),
      circuits_(circuits),
      read_(circuits.size(), std::vector<bool>(static_cast<std::size_t>(graph.n_writers()))),
      lacks_(static_cast<std::size_t>(graph.n_readers())) {
  for (std::size_t c = 0; c < circuits_.size(); ++c) {
    for (std::int64_t reader = graph.n_readers() - 1; reader >= 0; --reader) {
      bool lacks = false;
      const auto first = static_cast<std::size_t>(graph.index(0, reader));
      const auto before = static_cast<std::size_t>(graph.writers_before(reader));
      for (std::size_t writer = 0; writer < before; ++writer) {
        const bool there = (*circuits_[c])[first + writer];
        read_[c][writer] = read_[c][writer] || there;
        lacks = lacks || !there;
      }
      // A node's readers come before all that read it, so it is known by now whether it is read.
      if (lacks && matters(c, reader)) {
        lacks_[static_cast<std::size_t>(reader)] = true;
        last_ = std::max(last_, reader);
      }
    }
  }
}

bool CircuitLacks::matters(std::size_t circuit, std::int64_t reader) const {
  const std::int64_t node = graph_.writer_of_reader(reader);
  return node < 0 || read_[circuit][static_cast<std::size_t>(node)];
}

std::vector<Lack> CircuitLacks::of(std::int64_t first, std::int64_t count) const {
  std::vector<Lack> found;
  for (std::size_t c = 0; c < circuits_.size(); ++c) {
    std::map<std::vector<std::int64_t>, std::vector<std::int64_t>> by_writers;
    for (std::int64_t reader = first; reader < first + count; ++reader) {
      if (!lacks_[static_cast<std::size_t>(reader)] || !matters(c, reader)) {
        continue;
      }
      std::vector<std::int64_t> writers;
      for (std::int64_t writer = 0; writer < graph_.writers_before(reader); ++writer) {
        if (!(*circuits_[c])[static_cast<std::size_t>(graph_.index(writer, reader))]) {
          writers.push_back(writer);
        }
      }
      if (!writers.empty()) {
        by_writers[std::move(writers)].push_back(reader);
      }
    }
    for (auto& [writers, readers] : by_writers) {
      found.push_back({static_cast<std::int64_t>(c), std::move(readers), writers});
    }
  }
  return found;
}

bool CircuitLacks::none(std::int64_t first, std::int64_t count) const {
  const auto begin = lacks_.begin() + first;
  return std::find(begin, begin + count, true) == begin + count;
}

}  // namespace headscope
