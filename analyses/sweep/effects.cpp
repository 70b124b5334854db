#include "analyses/sweep/effects.h"

#include <algorithm>
#include <cmath>

#include "analyses/results/result_kind.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::vector<std::string> labels_of(const std::vector<ResultAxis>& axes, std::int64_t cell) {
  std::vector<std::string> labels(axes.size());
  for (std::size_t i = axes.size(); i-- > 0;) {
    labels[i] = axes[i].labels[static_cast<std::size_t>(cell % axes[i].size())];
    cell /= axes[i].size();
  }
  return labels;
}

Run changed_run(const Json& provenance) {
  const bool clean = provenance.contains("identity") &&
                     provenance["identity"].value("into", "") == to_string(Run::clean);
  return clean ? Run::clean : Run::corrupted;
}

// What each prompt's values are told from: a share is an effect as it stands.
std::vector<double> unchanged_of(const Result& result, Run into) {
  if (result_kind(result.header.kind).shares()) {
    return std::vector<double>(result.clean.size(), 0.0);
  }
  return result.baseline(into);
}

std::uint64_t seed_of(const Json& provenance) {
  return provenance.value("seed", std::uint64_t{0});
}

}  // namespace

Effects effects_of(const Result& result) {
  const SummaryOptions options{.seed = seed_of(result.header.provenance)};
  if (result.clean.empty() || result.corrupted.empty()) {
    throw DataError("nothing is computed yet; {}", result_kind(result.header.kind).way_on);
  }
  Effects effects;
  effects.into = changed_run(result.header.provenance);
  effects.clean = summarize(result.clean, options);
  effects.corrupted = summarize(result.corrupted, options);
  if (!result_kind(result.header.kind).shares()) {
    effects.scale = normal_scale(result.clean, result.corrupted);
  }
  const std::vector<double> unchanged = unchanged_of(result, effects.into);
  const std::size_t prompts = unchanged.size();
  for (std::size_t cell = 0; cell * prompts < result.per_prompt.size(); ++cell) {
    std::vector<double> differences;
    double sum = 0.0;
    for (std::size_t i = 0; i < prompts; ++i) {
      const double value = result.per_prompt[cell * prompts + i];
      sum += value;
      differences.push_back(value - unchanged[i]);
    }
    if (std::isnan(sum)) {
      continue;
    }
    CellEffect effect;
    effect.cell = static_cast<std::int64_t>(cell);
    effect.labels = labels_of(result.header.axes, effect.cell);
    effect.effect = summarize(differences, options);
    effect.value = sum / static_cast<double>(prompts);
    if (effects.scale) {
      effect.normalized = (*effects.scale)(effect.value);
    }
    effects.cells.push_back(std::move(effect));
  }
  return effects;
}

std::vector<CellEffect> strongest(const Effects& effects, std::size_t count) {
  std::vector<CellEffect> cells = effects.cells;
  std::stable_sort(cells.begin(), cells.end(), [](const CellEffect& a, const CellEffect& b) {
    return std::abs(a.effect.mean) > std::abs(b.effect.mean);
  });
  cells.resize(std::min(count, cells.size()));
  return cells;
}

std::string cell_name(const Result& result, const CellEffect& cell) {
  std::string name;
  std::string position;
  for (std::size_t i = 0; i < cell.labels.size(); ++i) {
    if (result.header.axes[i].name == "pos" || result.header.axes[i].name == "span") {
      position = " @" + cell.labels[i];
    } else {
      name += (name.empty() ? "" : ".") + cell.labels[i];
    }
  }
  const bool layers_alone = name.find('.') == std::string::npos;
  return (layers_alone ? "layer " : "") + name + position;
}

}  // namespace headscope
