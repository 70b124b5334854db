#include "analyses/discrete_codes/code_scores.h"

#include <algorithm>
#include <functional>

namespace headscope {
namespace {

// Which of `n` codes, or pairs of them, were seen in which kind of prompt. Used again for many
// heads: only what was marked is cleared.
class Seen {
 public:
  explicit Seen(std::size_t n) : marks_(n, 0) {}

  void mark(std::size_t code, std::uint8_t kind) {
    if (marks_[code] == 0) {
      marked_.push_back(code);
    }
    marks_[code] |= kind;
  }

  // How many were marked kPositive alone, by the way of `normalise`; forgets them.
  double take_score(CodeNormalise normalise) {
    std::size_t alone = 0;
    const std::size_t all = marked_.size();
    for (const std::size_t code : marked_) {
      alone += marks_[code] == kPositive ? 1 : 0;
      marks_[code] = 0;
    }
    marked_.clear();
    if (normalise == CodeNormalise::count) {
      return static_cast<double>(alone);
    }
    return all == 0 ? 0.0 : static_cast<double>(alone) / static_cast<double>(all);
  }

  static constexpr std::uint8_t kPositive = 1;
  static constexpr std::uint8_t kNegative = 2;

 private:
  std::vector<std::uint8_t> marks_;
  std::vector<std::size_t> marked_;
};

// Marks `code_of(codes of a prompt)` for every prompt of either kind.
template <class CodeOf>
double score_of(const HeadCodes& codes, Seen& seen, CodeNormalise normalise, CodeOf code_of) {
  for (const auto& prompt : codes.positive) {
    seen.mark(code_of(prompt), Seen::kPositive);
  }
  for (const auto& prompt : codes.negative) {
    seen.mark(code_of(prompt), Seen::kNegative);
  }
  return seen.take_score(normalise);
}

}  // namespace

HeadScores code_node_scores(const HeadCodes& codes, CodeNormalise normalise) {
  Seen seen(static_cast<std::size_t>(codes.n_codes));
  HeadScores scores(codes.grid);
  for (std::size_t head = 0; head < scores.size(); ++head) {
    scores.values[head] = score_of(codes, seen, normalise, [&](const auto& prompt) {
      return static_cast<std::size_t>(prompt[head]);
    });
  }
  return scores;
}

std::vector<CodeEdge> code_edge_scores(const HeadCodes& codes, CodeNormalise normalise) {
  const auto n = static_cast<std::size_t>(codes.n_codes);
  Seen seen(n * n);
  std::vector<CodeEdge> edges;
  for (std::size_t first = 0; first < codes.grid.size(); ++first) {
    for (std::size_t second = first + 1; second < codes.grid.size(); ++second) {
      const double score = score_of(codes, seen, normalise, [&](const auto& prompt) {
        return static_cast<std::size_t>(prompt[first]) * n +
               static_cast<std::size_t>(prompt[second]);
      });
      edges.push_back({codes.grid.head_at(first), codes.grid.head_at(second), score});
    }
  }
  std::stable_sort(edges.begin(), edges.end(), [](const CodeEdge& a, const CodeEdge& b) {
    return a.score > b.score;
  });
  return edges;
}

HeadScores heads_of_edges(const HeadGrid& grid, const std::vector<CodeEdge>& edges) {
  HeadScores counts(grid);
  const std::size_t ends = grid.size() * grid.size() / 2;
  // Both orders of a pair are neighbours in the published list: four ends in a row.
  for (std::size_t taken = 0; taken < ends && taken / 4 < edges.size(); ++taken) {
    const CodeEdge& edge = edges[taken / 4];
    counts[taken % 4 == 0 || taken % 4 == 3 ? edge.first : edge.second] += 1.0;
  }
  return counts;
}

}  // namespace headscope
