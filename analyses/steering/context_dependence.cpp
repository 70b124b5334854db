#include "analyses/steering/context_dependence.h"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

#include "analyses/steering/last_token.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Span span_of(const SteerData& data, const SteerItem& item, const std::string& name) {
  const auto found = item.prompt.spans.find(name);
  if (found != item.prompt.spans.end()) {
    return found->second;
  }
  std::vector<std::string> names;
  for (const auto& [known, span] : item.prompt.spans) {
    names.push_back(known);
  }
  throw UsageError("{}: item {} has no span \"{}\"{}; it has {}",
                   data.path,
                   item.id,
                   name,
                   did_you_mean(name, names),
                   names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

std::vector<std::int32_t> without_span(const SteerData& data,
                                       const SteerItem& item,
                                       const std::string& name) {
  const Span span = span_of(data, item, name);
  std::vector<std::int32_t> tokens = item.prompt.tokens;
  tokens.erase(tokens.begin() + span.begin, tokens.begin() + span.end);
  if (tokens.empty()) {
    throw UsageError("{}: item {} is nothing but its span \"{}\"", data.path, item.id, name);
  }
  return tokens;
}

// The bound beyond which a head is an outlier of its layer.
double outlier_bound(const HeadScores& scores, std::int64_t layer) {
  double sum = 0.0;
  double squares = 0.0;
  const auto n = static_cast<double>(scores.grid.n_heads);
  for (std::int64_t head = 0; head < scores.grid.n_heads; ++head) {
    const double x = scores[{layer, head}];
    sum += x;
    squares += x * x;
  }
  const double mean = sum / n;
  return mean + std::sqrt(std::max(squares / n - mean * mean, 0.0));
}

}  // namespace

ContextDependence context_dependence(const Model& model,
                                     const SteerData& data,
                                     const std::string& span) {
  std::vector<std::vector<std::int32_t>> with;
  std::vector<std::vector<std::int32_t>> without;
  for (const SteerItem& item : data.items) {
    with.push_back(item.prompt.tokens);
    without.push_back(without_span(data, item, span));
  }
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  ContextDependence out{HeadScores(grid), HeadScores(grid)};
  const std::vector<HookPoint> points = head_outputs_of(model);
  const auto all_with = last_token_values(model, with, points);
  const auto all_without = last_token_values(model, without, points);
  for (int layer = 0; layer < grid.n_layers; ++layer) {
    const Tensor whole = all_with.at(hook_name(Site::z, layer));
    const Tensor part = all_without.at(hook_name(Site::z, layer));
    const auto change = to_floats((whole - part).pow(2).sum(-1).sqrt().mean(0));
    const auto norm = to_floats(part.pow(2).sum(-1).mean(0));
    for (std::int64_t head = 0; head < grid.n_heads; ++head) {
      out.change[{layer, head}] = change[static_cast<std::size_t>(head)];
      out.without[{layer, head}] = norm[static_cast<std::size_t>(head)];
    }
  }
  return out;
}

std::vector<HeadId> context_heads(const ContextDependence& dependence, std::int64_t layer) {
  const std::int64_t count = dependence.change.grid.n_heads;
  const double change_bound = outlier_bound(dependence.change, layer);
  const double norm_bound = outlier_bound(dependence.without, layer);
  std::vector<double> change;
  for (std::int64_t head = 0; head < count; ++head) {
    const HeadId id{layer, head};
    const bool outlier =
        dependence.change[id] > change_bound && dependence.without[id] > norm_bound;
    change.push_back(outlier ? 0.0 : dependence.change[id]);
  }
  std::vector<double> sorted = change;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  const double median =
      sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
  std::vector<HeadId> heads;
  for (std::int64_t head = 0; head < count; ++head) {
    if (change[static_cast<std::size_t>(head)] > median) {
      heads.push_back({layer, head});
    }
  }
  return heads;
}

}  // namespace headscope
