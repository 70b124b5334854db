// How well one list of numbers tells another: estimates and what they estimate. Free of Torch.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace headscope {

struct Agreement {
  std::optional<double> pearson;   // linear correlation; none where a list does not vary
  std::optional<double> spearman;  // of ranks, ties at their mean
  // Of exact on estimated, least squares through 0; none where every estimate is 0.
  std::optional<double> slope;
  std::size_t top = 0;  // of the `top_count` largest by absolute value in each list, those in both
  // At most what was asked for: as many as both lists tell apart from the rest. Zeros are no top,
  // nor is a cut between equal values. 0: there is no top to compare.
  std::size_t top_count = 0;
  std::vector<std::size_t> worst;  // indices, the largest |estimated − exact| first
};

// Throws UsageError for lists of different lengths or
// fewer than two numbers.
Agreement agreement_of(const std::vector<double>& estimated,
                       const std::vector<double>& exact,
                       std::size_t top_count = 10);

std::optional<double> pearson(const std::vector<double>& a, const std::vector<double>& b);

// 1 for the smallest; equal values share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& values);

}  // namespace headscope
