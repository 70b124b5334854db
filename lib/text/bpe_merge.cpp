#include "lib/text/bpe_merge.h"

#include <algorithm>
#include <array>
#include <queue>
#include <span>

namespace headscope {
namespace {

constexpr std::size_t kShort = 48;  // below, scanning beats a heap

// Scans for the best pair each time; ranks of unchanged pairs are kept.
std::size_t merge_short(const MergeTable& merges, std::span<TokenId> symbols) {
  std::array<Merge, kShort> pair;
  std::size_t count = symbols.size();
  for (std::size_t i = 0; i + 1 < count; ++i) {
    pair[i] = merges.find(symbols[i], symbols[i + 1]);
  }
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      best = pair[i].rank < pair[best].rank ? i : best;
    }
    if (!pair[best].exists()) {
      break;
    }
    symbols[best] = pair[best].id;
    std::copy(symbols.begin() + best + 2, symbols.begin() + count, symbols.begin() + best + 1);
    std::copy(pair.begin() + best + 1, pair.begin() + count - 1, pair.begin() + best);
    --count;
    if (best > 0) {
      pair[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    }
    if (best + 1 < count) {
      pair[best] = merges.find(symbols[best], symbols[best + 1]);
    }
  }
  return count;
}

// A linked list of symbols and a heap of candidate merges; a candidate whose pair has changed
// since is recognised by the id it would give.
class LongMerge {
 public:
  LongMerge(const MergeTable& merges, std::span<TokenId> symbols)
      : merges_(merges), symbols_(symbols), next_(symbols.size()), previous_(symbols.size()) {
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      next_[i] = static_cast<std::uint32_t>(i + 1);
      previous_[i] = static_cast<std::uint32_t>(i) - 1;  // of the first: a huge number
    }
  }

  std::size_t run() {
    std::vector<Candidate> first;
    first.reserve(symbols_.size());
    for (std::size_t i = 0; i + 1 < symbols_.size(); ++i) {
      consider(static_cast<std::uint32_t>(i), [&](const Candidate& c) { first.push_back(c); });
    }
    heap_ = Heap(std::greater<>(), std::move(first));
    while (!heap_.empty()) {
      const Candidate top = heap_.top();
      heap_.pop();
      apply(top);
    }
    return compact();
  }

 private:
  struct Candidate {
    std::uint64_t order;  // rank, then position
    TokenId id;
    bool operator>(const Candidate& other) const { return order > other.order; }
  };
  using Heap = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;

  template <typename Add>
  void consider(std::uint32_t at, Add&& add) {
    const std::uint32_t right = next_[at];
    if (right >= symbols_.size()) {
      return;
    }
    const Merge merge = merges_.find(symbols_[at], symbols_[right]);
    if (merge.exists()) {
      add(Candidate{(static_cast<std::uint64_t>(merge.rank) << 32) | at, merge.id});
    }
  }

  void apply(const Candidate& candidate) {
    const auto at = static_cast<std::uint32_t>(candidate.order);
    if (symbols_[at] < 0 || next_[at] >= symbols_.size()) {
      return;  // merged away, or nothing is left to its right
    }
    const std::uint32_t right = next_[at];
    if (merges_.find(symbols_[at], symbols_[right]).id != candidate.id) {
      return;
    }
    symbols_[at] = candidate.id;
    symbols_[right] = -1;
    next_[at] = next_[right];
    if (next_[at] < symbols_.size()) {
      previous_[next_[at]] = at;
    }
    const auto push = [&](const Candidate& c) { heap_.push(c); };
    if (previous_[at] < symbols_.size()) {
      consider(previous_[at], push);
    }
    consider(at, push);
  }

  std::size_t compact() {
    return static_cast<std::size_t>(std::remove(symbols_.begin(), symbols_.end(), -1) -
                                    symbols_.begin());
  }

  const MergeTable& merges_;
  std::span<TokenId> symbols_;
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> previous_;
  Heap heap_;
};

}  // namespace

void apply_merges(const MergeTable& merges, std::vector<TokenId>& symbols, std::size_t begin) {
  const std::span<TokenId> row(symbols.data() + begin, symbols.size() - begin);
  const std::size_t count =
      row.size() <= kShort ? merge_short(merges, row) : LongMerge(merges, row).run();
  symbols.resize(begin + count);
}

}  // namespace headscope
