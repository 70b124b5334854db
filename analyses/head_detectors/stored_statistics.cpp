#include "analyses/head_detectors/stored_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "hooks/statistics_points.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A statistic that a trace may hold in place of patterns, by its name in statistic_names().
struct StoredStatistic {
  const char* name;
  bool StatisticsRequest::*asked;
  bool StatisticsAsks::*asks;
  Tensor AttentionStatistics::*value;
};
constexpr StoredStatistic kStoredStatistics[] = {
    {"first", &StatisticsRequest::first, &StatisticsAsks::first, &AttentionStatistics::first_mass},
    {"entropy",
     &StatisticsRequest::entropy,
     &StatisticsAsks::entropy,
     &AttentionStatistics::entropy},
    {"distance",
     &StatisticsRequest::distance,
     &StatisticsAsks::distance,
     &AttentionStatistics::distance},
    {"columns",
     &StatisticsRequest::columns,
     &StatisticsAsks::columns,
     &AttentionStatistics::column_mass}};

// p of the key `offset` columns before each query [B, H, T]; 0 where there is none.
Tensor mass_at_offset(const Tensor& a, std::int64_t offset) {
  Tensor mass = at::zeros({a.size(0), a.size(1), a.size(2)}, a.options());
  const std::int64_t before = std::max<std::int64_t>(offset, 0);  // queries without such a key
  if (std::abs(offset) < a.size(2)) {
    mass.narrow(2, before, a.size(2) - std::abs(offset)).copy_(a.diagonal(-offset, 2, 3));
  }
  return mass;
}

Tensor stacked(const std::vector<Tensor>& parts) {
  return parts.empty() ? Tensor() : at::stack(parts, 3).to(at::kFloat);
}

Tensor unknown(std::int64_t rows, std::int64_t heads, std::int64_t length) {
  return at::full({rows, heads, length}, std::numeric_limits<double>::quiet_NaN(), at::kFloat);
}

bool has_patterns(const StoredRun& stored, const ModelConfig& config) {
  for (const std::string& name : datasets_of({.values = {Site::pattern}}, config)) {
    if (!stored.has(name)) {
      return false;
    }
  }
  return true;
}

// The datasets that serve these asks where there are no patterns; nothing if statistics cannot.
std::optional<std::vector<std::string>> statistics_for(const StatisticsAsks& asks,
                                                       const ModelConfig& config) {
  if (!asks.offsets.empty() || !asks.windows.empty() || !asks.spans.empty()) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const StoredStatistic& each : kStoredStatistics) {
    for (int layer = 0; asks.*each.asks && layer < config.n_layers; ++layer) {
      names.push_back(statistic_point(layer, each.name));
    }
  }
  return names;
}

AttentionStatistics stored_layer(const StoredRun& stored,
                                 const std::vector<std::size_t>& prompts,
                                 const BatchLayout& layout,
                                 const StatisticsRequest& request,
                                 int layer) {
  AttentionStatistics statistics;
  for (const StoredStatistic& each : kStoredStatistics) {
    if (request.*each.asked) {
      statistics.*each.value = stored.at(statistic_point(layer, each.name), prompts, layout);
      const Tensor& value = statistics.*each.value;
      statistics.lse = unknown(value.size(0), value.size(1), value.size(2));
    }
  }
  return statistics;
}

void check_reading(const StoredRun& stored,
                   const Detector& detector,
                   const Model& model,
                   const std::string& commands) {
  if (!detector.reading) {
    throw UsageError("{}: runs the model itself, so no trace serves it; detect it without --trace",
                     detector.name);
  }
  if (has_patterns(stored, model.config())) {
    return;
  }
  const auto names = statistics_for(detector.reading->asks, model.config());
  if (!names) {
    throw UsageError(
        "{}: {} reads patterns, which were not recorded for every layer; record them: {}",
        stored.path().string(),
        detector.name,
        commands);
  }
  for (const std::string& name : *names) {
    if (!stored.has(name)) {
      throw UsageError("{}: {} reads patterns or {}, and neither was recorded; record them: {}",
                       stored.path().string(),
                       detector.name,
                       name,
                       commands);
    }
  }
}

bool is_defined(const Detector& detector, const Model& model) {
  return why_undefined(detector, model).empty();
}

}  // namespace

AttentionStatistics statistics_of_pattern(const Tensor& pattern, const StatisticsRequest& request) {
  if (request.top_k > 0 || request.targets.defined() || request.block > 0) {
    throw InternalError("statistics of a stored pattern: no top keys, targets or blocks");
  }
  const Tensor a = pattern.to(at::kDouble);
  const Tensor query = at::arange(a.size(2), a.options()).unsqueeze(1);
  const Tensor key = at::arange(a.size(3), a.options()).unsqueeze(0);
  std::vector<Tensor> offsets;
  for (const std::int64_t offset : request.offsets) {
    offsets.push_back(mass_at_offset(a, offset));
  }
  std::vector<Tensor> windows;
  for (const std::int64_t window : request.windows) {
    windows.push_back(a.tril().triu(1 - window).sum(3));
  }
  AttentionStatistics all;
  all.lse = unknown(a.size(0), a.size(1), a.size(2));
  all.offset_mass = stacked(offsets);
  all.window_mass = stacked(windows);
  if (request.spans.defined()) {
    const Tensor spans = request.spans.to(a.device(), at::kDouble);  // [n, B, S]
    all.span_mass = at::einsum("bhts,nbs->bhtn", {a, spans}).to(at::kFloat);
  }
  all.first_mass = request.first ? a.select(3, 0).to(at::kFloat) : Tensor();
  all.entropy = request.entropy ? -a.xlogy(a).sum(3).to(at::kFloat) : Tensor();
  all.distance = request.distance ? (a * (query - key)).sum(3).to(at::kFloat) : Tensor();
  all.column_mass = request.columns ? a.sum(2).to(at::kFloat) : Tensor();
  return all;
}

StatisticsOf statistics_of_trace(const StoredRun& stored) {
  return [&stored](const Model& model,
                   const std::vector<ProbePrompt>& prompts,
                   const StatisticsRequest& request,
                   const LayerStatistics& receive) {
    const Batch batch = probe_batch(prompts);
    const std::vector<std::size_t> rows = stored.prompts_of(batch);
    const bool patterns = has_patterns(stored, model.config());
    for (int layer = 0; layer < model.config().n_layers; ++layer) {
      receive(layer,
              patterns
                  ? statistics_of_pattern(
                        stored.at(hook_name(Site::pattern, layer), rows, batch.layout()), request)
                  : stored_layer(stored, rows, batch.layout(), request, layer));
    }
  };
}

std::vector<Prompt> prompts_of_readings(const std::vector<Detector>& detectors,
                                        const Model& model,
                                        const std::vector<std::uint64_t>& seeds) {
  std::vector<Prompt> prompts;
  std::set<Probe> seen;
  std::set<std::vector<std::int32_t>> known;
  for (const Detector& detector : detectors) {
    if (!detector.reading || !is_defined(detector, model) ||
        !seen.insert(detector.reading->probe).second) {
      continue;
    }
    const Probe& probe = detector.reading->probe;
    for (const std::uint64_t seed : seeds) {
      std::vector<ProbePrompt> made;
      try {
        made = make_probe(probe, model, seed);
      } catch (const DataError&) {
        break;  // detect() says why
      }
      for (std::size_t i = 0; i < made.size(); ++i) {
        if (known.insert(made[i].tokens).second) {
          prompts.push_back({.id = fmt::format("{} / seed {} / {}", to_string(probe), seed, i),
                             .text = {},
                             .tokens = made[i].tokens,
                             .spans = {}});
        }
      }
    }
  }
  return prompts;
}

void check_stored_probes(const StoredRun& stored,
                         const std::vector<Detector>& detectors,
                         const Model& model,
                         const std::vector<std::uint64_t>& seeds,
                         const std::string& write_prompts) {
  const StoredNeed need{.values = {Site::pattern},
                        .prompts = "--prompts probes.jsonl --logits none",
                        .before = write_prompts + " --write-prompts probes.jsonl; "};
  stored.check_model(model, need);
  for (const Detector& detector : detectors) {
    if (is_defined(detector, model)) {
      check_reading(stored, detector, model, record_command(model, need));
    }
  }
  std::vector<std::vector<std::int32_t>> tokens;
  for (const Prompt& prompt : prompts_of_readings(detectors, model, seeds)) {
    tokens.push_back(prompt.tokens);
  }
  stored.check_prompts(model, need, tokens);
}

}  // namespace headscope
