#include "analyses/metric/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/error.h"
#include "lib/base/mersenne_random.h"

namespace headscope {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double error_of_mean(const std::vector<double>& values, double mean) {
  if (values.size() < 2) {
    return kUndefined;
  }
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  const auto n = static_cast<double>(values.size());
  return std::sqrt(squares / (n - 1) / n);
}

// The means of resamples with replacement, sorted.
std::vector<double> resampled_means(const std::vector<double>& values,
                                    const SummaryOptions& options) {
  MersenneRandom random(options.seed);
  std::vector<double> means;
  for (int i = 0; i < options.resamples; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < values.size(); ++j) {
      sum += values[random.scaled(values.size())];
    }
    means.push_back(sum / static_cast<double>(values.size()));
  }
  std::sort(means.begin(), means.end());
  return means;
}

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double mean_of(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

Summary summarize(const std::vector<double>& values, const SummaryOptions& options) {
  if (values.empty()) {
    throw UsageError("a summary of no values");
  }
  Summary summary;
  summary.mean = mean_of(values);
  summary.standard_error = error_of_mean(values, summary.mean);
  if (values.size() < 2) {
    summary.low = summary.high = kUndefined;
    return summary;
  }
  const std::vector<double> means = resampled_means(values, options);
  const double tail = (1.0 - options.level) / 2;
  summary.low = quantile(means, tail);
  summary.high = quantile(means, 1.0 - tail);
  return summary;
}

std::optional<Scale> normal_scale(const std::vector<double>& clean,
                                  const std::vector<double>& corrupted) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    differences.push_back(clean[i] - corrupted[i]);
  }
  const double gap = mean_of(differences);
  const double noise = differences.size() < 2 ? 0.0 : 2 * error_of_mean(differences, gap);
  if (!(std::abs(gap) > std::max(noise, 1e-6))) {
    return std::nullopt;
  }
  return Scale{mean_of(corrupted), mean_of(clean)};
}

}  // namespace headscope
