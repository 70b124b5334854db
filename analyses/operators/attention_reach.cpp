#include "analyses/operators/attention_reach.h"

#include <cmath>
#include <limits>

#include "hooks/statistics_tap.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// [1, n_heads, T] → the mean of the second half of queries.
void put_means(const Tensor& rows, std::int64_t layer, HeadScores& out) {
  const std::int64_t queries = rows.size(2);
  const Tensor late = rows[0].narrow(1, queries / 2, queries - queries / 2);
  const std::vector<float> means = to_floats(late.mean(1));
  for (std::size_t head = 0; head < means.size(); ++head) {
    out[{layer, static_cast<std::int64_t>(head)}] = means[head];
  }
}

AttentionReach reach_of(const Model& model, const std::vector<std::int32_t>& tokens) {
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  AttentionReach reach{std::ssize(tokens), HeadScores(grid), HeadScores(grid), HeadScores(grid)};
  StatisticsRequest request;
  request.distance = request.entropy = request.first = true;
  StatisticsTap tap(request, [&](const Visit& visit, const AttentionStatistics& statistics) {
    require_finite(statistics, visit.point.layer, model);
    put_means(statistics.distance, visit.point.layer, reach.distance);
    put_means(statistics.entropy, visit.point.layer, reach.entropy);
    put_means(statistics.first_mass, visit.point.layer, reach.first);
  });
  model.forward(Batch({tokens}), tap, {.logits = Logits::none});
  return reach;
}

double slope(const std::vector<double>& x, const std::vector<double>& y) {
  double mean_x = 0.0, mean_y = 0.0, xy = 0.0, xx = 0.0;
  const auto n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return xx > 0 ? xy / xx : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::vector<AttentionReach> attention_reach(const Model& model,
                                            const std::vector<std::int32_t>& text,
                                            const std::vector<std::int64_t>& lengths) {
  for (const std::int64_t length : lengths) {
    if (length < 4 || length > std::ssize(text) || length > model.config().n_ctx) {
      throw UsageError(
          "a length of {} tokens; at least 4, at most the text's {} and the model's context of {}",
          length,
          text.size(),
          model.config().n_ctx);
    }
  }
  std::vector<AttentionReach> all;
  for (const std::int64_t length : lengths) {
    all.push_back(reach_of(model, {text.begin(), text.begin() + length}));
  }
  return all;
}

HeadScores growth_of_distance(const std::vector<AttentionReach>& reach) {
  if (reach.empty()) {
    return {};
  }
  HeadScores growth(reach.front().distance.grid, std::numeric_limits<double>::quiet_NaN());
  for (const HeadId& head : growth.heads()) {
    std::vector<double> x, y;
    for (const AttentionReach& each : reach) {
      x.push_back(std::log(static_cast<double>(each.tokens)));
      y.push_back(std::log(each.distance[head]));
    }
    const double by = slope(x, y);
    growth[head] = std::isfinite(by) ? by : std::numeric_limits<double>::quiet_NaN();
  }
  return growth;
}

}  // namespace headscope
