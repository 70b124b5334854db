#include "analyses/attribution/compare_results.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/ranges.h>

#include "analyses/results/result_kind.h"
#include "analyses/sweep/effects.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kNormal95 = 1.959964;

// One side: its effects by their labels, and what they are divided by.
struct Side {
  const Result& result;
  Effects effects;
  std::map<std::vector<std::string>, const CellEffect*> by_labels;
  double unit = 1.0;
};

Side side_of(const Result& result) {
  Side side{.result = result, .effects = effects_of(result), .by_labels = {}};
  for (const CellEffect& cell : side.effects.cells) {
    side.by_labels[cell.labels] = &cell;
  }
  return side;
}

std::vector<std::string> axis_names(const Result& result) {
  std::vector<std::string> names;
  for (const ResultAxis& axis : result.header.axes) {
    names.push_back(axis.name);
  }
  return names;
}

void check_comparable(const Result& a, const Result& b) {
  if (axis_names(a) != axis_names(b)) {
    throw UsageError("the results have different axes ({} and {}): sweep both --over the same",
                     fmt::join(axis_names(a), ","),
                     fmt::join(axis_names(b), ","));
  }
  if (a.header.metric != b.header.metric) {
    throw UsageError(
        "the results have different metrics, {} and {}", a.header.metric, b.header.metric);
  }
}

bool same_prompts(const Result& a, const Result& b) {
  const auto task = [](const Result& result) {
    const Json identity = result.header.provenance.value("identity", Json::object());
    return identity.value("task_hash", "");
  };
  return a.header.prompt_ids == b.header.prompt_ids && !task(a).empty() && task(a) == task(b);
}

// What each prompt's effect is, in the side's unit.
std::vector<double> per_prompt(const Side& side, const CellEffect& cell) {
  const Result& result = side.result;
  const std::size_t prompts = result.clean.size();
  const bool shares = result_kind(result.header.kind).shares();
  std::vector<double> values;
  for (std::size_t i = 0; i < prompts; ++i) {
    const double whole = result.per_prompt[static_cast<std::size_t>(cell.cell) * prompts + i];
    const double unchanged = shares ? 0.0 : result.baseline(side.effects.into)[i];
    values.push_back((whole - unchanged) / side.unit);
  }
  return values;
}

Summary paired_change(const Side& a,
                      const Side& b,
                      const CellEffect& in_a,
                      const CellEffect& in_b) {
  std::vector<double> changes = per_prompt(b, in_b);
  const std::vector<double> before = per_prompt(a, in_a);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    changes[i] -= before[i];
  }
  return summarize(changes);
}

Summary unpaired_change(const Side& a,
                        const Side& b,
                        const CellEffect& in_a,
                        const CellEffect& in_b) {
  const double mean = in_b.effect.mean / b.unit - in_a.effect.mean / a.unit;
  const double error =
      std::hypot(in_a.effect.standard_error / a.unit, in_b.effect.standard_error / b.unit);
  return {mean, error, mean - kNormal95 * error, mean + kNormal95 * error};
}

// The labels of an axis that both have, in the order of `a`.
std::vector<ResultAxis> common_axes(const Result& a, const Result& b) {
  std::vector<ResultAxis> axes;
  for (std::size_t i = 0; i < a.header.axes.size(); ++i) {
    const auto& theirs = b.header.axes[i].labels;
    ResultAxis axis{a.header.axes[i].name, {}};
    for (const std::string& label : a.header.axes[i].labels) {
      if (std::find(theirs.begin(), theirs.end(), label) != theirs.end()) {
        axis.labels.push_back(label);
      }
    }
    axes.push_back(std::move(axis));
  }
  return axes;
}

}  // namespace

std::size_t ComparedResults::changed() const {
  return static_cast<std::size_t>(std::count_if(
      cells.begin(), cells.end(), [](const ComparedCell& cell) { return cell.changed; }));
}

ComparedResults compare_results(const Result& a, const Result& b) {
  check_comparable(a, b);
  Side first = side_of(a);
  Side second = side_of(b);
  ComparedResults found{.axes = common_axes(a, b), .cells = {}, .agreement = {}};
  found.normalized = first.effects.scale && second.effects.scale;
  for (Side* side : {&first, &second}) {
    const auto& scale = side->effects.scale;
    side->unit = found.normalized ? scale->clean - scale->corrupted : 1.0;
  }
  found.paired = same_prompts(a, b);
  std::vector<double> of_a;
  std::vector<double> of_b;
  for (const CellEffect& in_a : first.effects.cells) {
    const auto other = second.by_labels.find(in_a.labels);
    if (other == second.by_labels.end()) {
      continue;
    }
    const CellEffect& in_b = *other->second;
    const Summary change = found.paired ? paired_change(first, second, in_a, in_b)
                                        : unpaired_change(first, second, in_a, in_b);
    of_a.push_back(in_a.effect.mean / first.unit);
    of_b.push_back(in_b.effect.mean / second.unit);
    found.cells.push_back({in_a.labels,
                           cell_name(a, in_a),
                           of_a.back(),
                           of_b.back(),
                           change,
                           change.has_interval() && (change.low > 0 || change.high < 0)});
  }
  found.only_a = first.effects.cells.size() - found.cells.size();
  found.only_b = second.effects.cells.size() - found.cells.size();
  if (found.cells.size() < 2) {
    throw UsageError("the results have {} cells in common, and two are the least to compare",
                     found.cells.size());
  }
  found.agreement = agreement_of(of_a, of_b);
  return found;
}

}  // namespace headscope
