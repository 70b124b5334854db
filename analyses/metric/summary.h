// Per-prompt values in few words: mean, error, interval, and on the scale from corrupted to clean.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace headscope {

// One value says nothing of how far its mean may be off: its error and interval are NaN, which no
// comparison with a bound passes.
struct Summary {
  double mean = 0.0;
  double standard_error = 0.0;  // of the mean
  double low = 0.0;             // percentile bootstrap, 95 %
  double high = 0.0;

  [[nodiscard]] bool has_interval() const { return low <= high; }
};

struct SummaryOptions {
  std::uint64_t seed = 0;
  int resamples = 1000;
  double level = 0.95;
};

double mean_of(const std::vector<double>& values);

// Throws UsageError for no values.
Summary summarize(const std::vector<double>& values, const SummaryOptions& options = {});

// The scale on which the corrupted run is 0 and the clean one is 1 (Heimersheim & Nanda 2024,
// arXiv:2404.15255). Nothing if the two means are closer than twice the standard error of their
// difference or than 1e-6: a quotient by noise. Of one prompt the error is not known, so that only
// the latter is asked.
struct Scale {
  double corrupted = 0.0;
  double clean = 1.0;
  [[nodiscard]] double operator()(double value) const {
    return (value - corrupted) / (clean - corrupted);
  }
};
std::optional<Scale> normal_scale(const std::vector<double>& clean,
                                  const std::vector<double>& corrupted);

}  // namespace headscope
