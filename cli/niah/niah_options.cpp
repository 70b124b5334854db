#include "cli/niah/niah_options.h"

#include <charconv>
#include <cmath>
#include <sstream>

#include "analyses/head_detectors/atlas_list.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

std::optional<std::int64_t> whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool all = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return all && value >= 0 && value < (std::int64_t{1} << 40) ? std::optional(value) : std::nullopt;
}

std::vector<std::int64_t> list_of(const std::string& text, const std::string& option) {
  std::vector<std::int64_t> values;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto value = whole(part);
    if (!value) {
      throw UsageError("{} {}: '{}' is not a number", option, text, part);
    }
    values.push_back(*value);
  }
  if (values.empty()) {
    throw UsageError("{} has no numbers", option);
  }
  return values;
}

std::vector<double> evenly(double first, double last, std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double part = count == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(count - 1);
    values.push_back(std::nearbyint(first + (last - first) * part));
  }
  return values;
}

HeadMask mask_of(HeadMask::Choice choice, std::int64_t count, MaskMode mode, std::int64_t draw) {
  return {.choice = choice,
          .count = count,
          .mode = mode,
          .draw = static_cast<std::uint64_t>(draw),
          .ranked = {}};
}

void add_random(std::vector<HeadMask>& masks,
                std::int64_t count,
                MaskMode mode,
                std::int64_t draws) {
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    masks.push_back(mask_of(HeadMask::Choice::random, count, mode, draw));
  }
}

}  // namespace

std::vector<std::int64_t> parse_contexts(const std::string& text) {
  const std::size_t dash = text.find('-');
  const std::size_t colon = text.find(':');
  std::vector<std::int64_t> contexts;
  if (dash != std::string::npos && colon != std::string::npos && dash < colon) {
    const auto first = whole(text.substr(0, dash));
    const auto last = whole(text.substr(dash + 1, colon - dash - 1));
    const auto count = whole(text.substr(colon + 1));
    if (!first || !last || !count || *count < 1 || *count > 100000 || *last < *first) {
      throw UsageError("--contexts {}: not FIRST-LAST:COUNT, for example 500-8000:20", text);
    }
    for (const double value :
         evenly(static_cast<double>(*first), static_cast<double>(*last), *count)) {
      contexts.push_back(static_cast<std::int64_t>(value));
    }
    return contexts;
  }
  return list_of(text, "--contexts");
}

std::vector<double> parse_depths(const std::string& text) {
  const std::vector<std::int64_t> values = list_of(text, "--depths");
  if (values.size() == 1) {
    if (values[0] < 1 || values[0] > 1000) {
      throw UsageError("--depths {}: a count is from 1 to 1000", text);
    }
    return evenly(0, 100, values[0]);
  }
  for (const std::int64_t value : values) {
    if (value > 100) {
      throw UsageError("--depths {}: {} is above 100 percent", text, value);
    }
  }
  return {values.begin(), values.end()};
}

MaskPlan mask_plan(const NiahVerbOptions& options) {
  const MaskMode mode = parse_mask_mode(options.mask_mode);
  MaskPlan plan{.masks = {}, .ranking = options.heads};
  if (!options.mask_curve.empty()) {
    for (const std::int64_t count : list_of(options.mask_curve, "--mask-curve")) {
      if (count > 0) {  // 0 is the unmasked run
        plan.masks.push_back(mask_of(HeadMask::Choice::top, count, mode, 0));
        add_random(plan.masks, count, mode, options.draws);
      }
    }
    return plan;
  }
  if (options.mask_heads.empty()) {
    return plan;
  }
  const std::size_t colon = options.mask_heads.rfind(':');
  const auto count =
      colon == std::string::npos ? std::nullopt : whole(options.mask_heads.substr(colon + 1));
  if (!count || *count < 1) {
    throw UsageError("--mask-heads {}: not top:K, random:K or FILE:K", options.mask_heads);
  }
  const std::string what = options.mask_heads.substr(0, colon);
  if (what == "random") {
    add_random(plan.masks, *count, mode, options.draws);
  } else {
    plan.masks.push_back(mask_of(HeadMask::Choice::top, *count, mode, 0));
    plan.ranking = what == "top" ? plan.ranking : what;
  }
  return plan;
}

std::vector<HeadId> ranking_from(const std::string& path, const ModelConfig& config) {
  const HeadList list = read_any_head_list(path);
  if (list.space != HeadSpace::query || list.scores.grid != head_grid(config)) {
    throw UsageError("{} lists {}, but the model has {}×{} query heads",
                     path,
                     shape_of(list),
                     config.n_layers,
                     config.n_heads);
  }
  return ranked_heads(list.scores);
}

}  // namespace headscope
