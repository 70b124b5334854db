#include "analyses/operators/operator_summary.h"

#include "analyses/attribution/agreement.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

HeadGrid grid_of_result(const Result& result) {
  return {result.header.axes.at(0).size(), result.header.axes.at(1).size()};
}

// Value − unchanged of each text, head by head.
std::vector<double> differences(const Result& result, std::size_t head) {
  const std::size_t prompts = result.clean.size();
  std::vector<double> all;
  for (std::size_t i = 0; i < prompts; ++i) {
    all.push_back(result.per_prompt[head * prompts + i] - result.clean[i]);
  }
  return all;
}

bool is_loss(OperatorMeasure measure) {
  return measure == OperatorMeasure::nll || measure == OperatorMeasure::control_nll;
}

std::vector<double> lost(const HeadScores& retained) {
  std::vector<double> values;
  for (const double each : retained.values) {
    values.push_back(1.0 - each);
  }
  return values;
}

void add_agreement(OperatorSummary& summary) {
  if (summary.delta_nll.size() < 2) {
    return;
  }
  const auto add = [&](std::string_view name, const std::vector<double>& cheap) {
    summary.agreement.emplace_back(name, pearson(ranks(cheap), ranks(summary.delta_nll.values)));
  };
  add("attention lost", lost(summary.of(OperatorMeasure::retained)));
  add("z change", summary.of(OperatorMeasure::z_change).values);
  add("attn_out change", summary.of(OperatorMeasure::out_change).values);
  add("KL", summary.of(OperatorMeasure::kl).values);
}

}  // namespace

OperatorSummary summarize(const OperatorResults& results) {
  OperatorSummary summary;
  const HeadGrid grid = grid_of_result(results.front());
  for (std::size_t m = 0; m < results.size(); ++m) {
    const Result& result = results[m];
    if (!result.complete() || result.clean.empty()) {
      throw DataError("the measurement is not finished; --resume goes on");
    }
    summary.means[m] = HeadScores(grid);
    const OperatorMeasure measure = kOperatorMeasures[m].measure;
    const std::vector<double> values = means(result.per_prompt, std::ssize(result.clean));
    const double unchanged = is_loss(measure) ? mean_of(result.clean) : 0.0;
    for (std::size_t head = 0; head < grid.size(); ++head) {
      summary.means[m].values[head] = values[head] - unchanged;
    }
  }
  const Result& nll = results[static_cast<std::size_t>(OperatorMeasure::nll)];
  summary.unchanged_nll = mean_of(nll.clean);
  summary.delta_nll = summary.of(OperatorMeasure::nll);
  summary.intervals = HeadTable<Summary>(grid);
  const std::uint64_t seed = nll.header.provenance.value("seed", std::uint64_t{0});
  for (std::size_t head = 0; head < grid.size(); ++head) {
    summary.intervals.values[head] = summarize(differences(nll, head), {.seed = seed});
  }
  add_agreement(summary);
  return summary;
}

}  // namespace headscope
