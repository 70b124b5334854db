#include "analyses/edges/acdc.h"

#include <algorithm>

namespace headscope {
namespace {

constexpr std::int64_t kMostAhead = 32;

}  // namespace

AcdcSearch::AcdcSearch(const EdgeGraph& graph, double threshold, double whole)
    : graph_(graph),
      threshold_(threshold),
      current_(whole),
      circuit_(all_edges(graph)),
      readers_of_(static_cast<std::size_t>(graph.n_writers())),
      reader_(graph.n_readers()) {
  for (std::int64_t reader = 0; reader < graph.n_readers(); ++reader) {
    for (std::int64_t writer = 0; writer < graph.writers_before(reader); ++writer) {
      ++readers_of_[static_cast<std::size_t>(writer)];
    }
  }
  next_reader();
}

bool AcdcSearch::is_read(std::int64_t reader) const {
  const std::int64_t node = graph_.writer_of_reader(reader);
  return node < 0 || readers_of_[static_cast<std::size_t>(node)] > 0;
}

// The last reader before the one in hand whose node is read; edges into others are cut on the way.
void AcdcSearch::next_reader() {
  while (--reader_ >= 0) {
    left_ = graph_.writers_before(reader_);
    if (is_read(reader_)) {
      return;
    }
    for (std::int64_t writer = 0; writer < left_; ++writer) {
      circuit_[static_cast<std::size_t>(graph_.index(writer, reader_))] = false;
      --readers_of_[static_cast<std::size_t>(writer)];
    }
    visited_ += left_;
  }
}

void AcdcSearch::advance(std::int64_t edges) {
  visited_ += edges;
  left_ -= edges;
  if (left_ == 0) {
    next_reader();
  }
}

std::vector<EdgeSet> AcdcSearch::candidates() const {
  std::vector<EdgeSet> circuits;
  EdgeSet circuit = circuit_;
  for (std::int64_t i = 0; !done() && i < std::min(ahead_, left_); ++i) {
    circuit[static_cast<std::size_t>(graph_.index(left_ - 1 - i, reader_))] = false;
    circuits.push_back(circuit);
  }
  return circuits;
}

void AcdcSearch::decide(const std::vector<double>& means) {
  std::int64_t cut = 0;
  for (const double mean : means) {
    if (!(current_ - mean < threshold_)) {
      break;
    }
    current_ = mean;
    const std::int64_t writer = left_ - 1 - cut;
    circuit_[static_cast<std::size_t>(graph_.index(writer, reader_))] = false;
    --readers_of_[static_cast<std::size_t>(writer)];
    ++cut;
  }
  const auto asked = static_cast<std::int64_t>(means.size());
  ahead_ = cut == asked ? std::min(kMostAhead, ahead_ * 2) : std::max<std::int64_t>(1, ahead_ / 2);
  advance(std::min(cut + 1, asked));
}

}  // namespace headscope
