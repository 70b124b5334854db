#include "analyses/head_detectors/detection_summary.h"

#include <algorithm>
#include <map>
#include <utility>

#include "analyses/metric/summary.h"
#include "lib/base/parallel.h"

namespace headscope {
namespace {

std::vector<double> column(const HeadSamples& samples, std::size_t heads, std::size_t head) {
  std::vector<double> values;
  for (std::size_t at = head; at < samples.values.size(); at += heads) {
    values.push_back(samples.values[at]);
  }
  return values;
}

HeadScores means(const HeadSamples& samples, const HeadGrid& grid) {
  HeadScores result{grid, std::vector<double>()};
  for (std::size_t head = 0; samples.samples > 0 && head < grid.size(); ++head) {
    result.values.push_back(mean_of(column(samples, grid.size(), head)));
  }
  return result;
}

}  // namespace

void summarise(Detection& detection, Finding finding, const HeadGrid& grid, std::uint64_t seed) {
  const std::size_t heads = grid.size();
  detection.score = HeadScores(grid);
  detection.low = HeadScores(grid);
  detection.high = HeadScores(grid);
  parallel_for(static_cast<std::int64_t>(heads), 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto head = static_cast<std::size_t>(begin); head < static_cast<std::size_t>(end);
         ++head) {
      const Summary summary = summarize(column(finding.scores, heads, head), {.seed = seed});
      detection.score.values[head] = summary.mean;
      detection.low.values[head] = summary.low;
      detection.high.values[head] = summary.high;
    }
  });
  detection.control = means(finding.control, grid);
  detection.samples = std::move(finding.scores);
  detection.notes = std::move(finding.notes);
}

void note_share(Detection& detection) {
  const auto& values = detection.samples.values;
  if (detection.detector.threshold && !values.empty()) {
    const auto above = std::count_if(values.begin(), values.end(), [&](double value) {
      return value >= *detection.detector.threshold;
    });
    detection.notes["share_of_heads"] =
        static_cast<double>(above) / static_cast<double>(values.size());
  }
}

void note_groups(Detection& detection,
                 const std::vector<std::string>& groups,
                 const HeadGrid& grid) {
  const std::size_t heads = grid.size();
  std::map<std::string, double> counts;
  for (std::size_t s = 0; s < groups.size(); ++s) {
    std::vector<double>& sums =
        detection.groups.try_emplace(groups[s], HeadScores(grid)).first->second.values;
    counts[groups[s]] += 1.0;
    for (std::size_t head = 0; head < heads; ++head) {
      sums[head] += detection.samples.values[s * heads + head];
    }
  }
  for (auto& [group, sums] : detection.groups) {
    for (double& sum : sums.values) {
      sum /= counts[group];
    }
  }
  if (detection.groups.size() < 2) {
    detection.groups.clear();
  }
}

}  // namespace headscope
