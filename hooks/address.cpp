#include "hooks/address.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

constexpr std::size_t kMostLayerDigits =
    6;  // more is no layer of any model, and may not fit an int

bool named_by(const std::string& pattern, HookPoint point) {
  const auto names = names_of(point);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return glob_matches(pattern, name);
  });
}

std::string layer_in(const std::string& pattern) {
  static constexpr std::string_view kPrefix = "blocks.";
  if (!pattern.starts_with(kPrefix)) {
    return {};
  }
  const auto end = pattern.find('.', kPrefix.size());
  const std::string layer = pattern.substr(kPrefix.size(), end - kPrefix.size());
  const bool digits = !layer.empty() && std::all_of(layer.begin(), layer.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
  return digits ? layer : std::string();
}

// The site table's own row for a pattern that this model lacks, whatever its layer.
const SiteInfo* known_elsewhere(const std::string& pattern) {
  for (const SiteInfo& row : all_sites()) {
    const std::string layer = layer_in(pattern);
    const int number = layer.empty() || layer.size() > kMostLayerDigits ? 0 : std::stoi(layer);
    if (named_by(pattern, {row.site, row.per_block ? number : kNoLayer})) {
      return &row;
    }
  }
  return nullptr;
}

// A point that some layers have, at one that has it not: a dense MLP beside layers of experts, say.
[[noreturn]] void refuse_layer(const std::string& pattern,
                               const SiteInfo& row,
                               const ModelConfig& config) {
  const std::string text = layer_in(pattern);
  const bool there =
      !text.empty() && text.size() <= kMostLayerDigits && std::stoi(text) < config.n_layers;
  std::vector<int> having;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    if (exists(row.site, config, layer)) {
      having.push_back(layer);
    }
  }
  if (there && !having.empty()) {
    throw UsageError("{}: layer {} has no such point; of this model's layers {} do",
                     pattern,
                     text,
                     fmt::join(having, ", "));
  }
  throw UsageError("{}: the model's layers are 0 to {}", pattern, config.n_layers - 1);
}

[[noreturn]] void refuse(const std::string& pattern, const ModelConfig& config) {
  if (const SiteInfo* row = known_elsewhere(pattern)) {
    if (!row->exists(config)) {
      throw UsageError(
          "{}: this model has no such point; only models with {} do", pattern, row->when);
    }
    refuse_layer(pattern, *row, config);
  }
  std::vector<std::string> names;
  for (const HookPoint point : hook_points(config)) {
    const auto some = names_of(point);
    names.insert(names.end(), some.begin(), some.end());
  }
  throw UsageError("{}: no such hook point{} (headscope hooks MODEL lists them)",
                   pattern,
                   did_you_mean(pattern, names));
}

}  // namespace

std::vector<std::string> names_of(HookPoint point) {
  const SiteInfo& row = info(point.site);
  std::vector<std::string> names{hook_name(point.site, point.layer)};
  for (const std::string_view alias : row.aliases) {
    names.push_back(row.per_block ? fmt::format("blocks.{}.{}", point.layer, alias)
                                  : std::string(alias));
  }
  return names;
}

std::vector<std::string> names_of(const std::string& name) {
  const std::string layer = layer_in(name);
  for (const SiteInfo& row : all_sites()) {
    if (row.per_block == layer.empty() || layer.size() > kMostLayerDigits) {
      continue;
    }
    const HookPoint point{row.site, row.per_block ? std::stoi(layer) : kNoLayer};
    if (hook_name(point.site, point.layer) == name) {
      return names_of(point);
    }
  }
  return {name};
}

std::vector<HookPoint> resolve_hooks(const std::string& pattern, const ModelConfig& config) {
  const auto alternatives = expand_braces(pattern);
  if (alternatives.size() > 1) {  // each must name something: {3,55} of 30 layers is a mistake
    return resolve_hooks(alternatives, config);
  }
  std::vector<HookPoint> found;
  for (const HookPoint point : hook_points(config)) {
    if (named_by(pattern, point)) {
      found.push_back(point);
    }
  }
  if (found.empty()) {
    refuse(pattern, config);
  }
  return found;
}

std::vector<HookPoint> resolve_hooks(const std::vector<std::string>& patterns,
                                     const ModelConfig& config) {
  std::vector<HookPoint> wanted;
  for (const std::string& pattern : patterns) {
    const auto found = resolve_hooks(pattern, config);
    wanted.insert(wanted.end(), found.begin(), found.end());
  }
  std::vector<HookPoint> ordered;
  for (const HookPoint point : hook_points(config)) {
    if (std::find(wanted.begin(), wanted.end(), point) != wanted.end()) {
      ordered.push_back(point);
    }
  }
  return ordered;
}

}  // namespace headscope
