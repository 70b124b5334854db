#include "analyses/head_detectors/probe_pass.h"

#include "hooks/statistics_tap.h"
#include "lib/model/batch_plan.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The prompts in batches of one length, at most `batch_tokens` tokens in each.
std::vector<std::vector<ProbePrompt>> batches_of(const std::vector<ProbePrompt>& prompts,
                                                 std::int64_t batch_tokens) {
  std::vector<std::vector<ProbePrompt>> batches;
  const BatchPlanOptions plan{.most_tokens = batch_tokens, .padding = Padding::none};
  for (const auto& rows : plan_batches(lengths_of(prompts), plan)) {
    batches.emplace_back();
    for (const std::size_t row : rows) {
      batches.back().push_back(prompts[row]);
    }
  }
  return batches;
}

StatisticsRequest request_for(const StatisticsAsks& asks, const std::vector<ProbePrompt>& prompts) {
  StatisticsRequest request;
  request.offsets = asks.offsets;
  request.windows = asks.windows;
  request.first = asks.first;
  request.entropy = asks.entropy;
  request.distance = asks.distance;
  request.columns = asks.columns;
  request.spans = asks.spans.empty() ? Tensor() : span_masks(asks.spans, prompts);
  return request;
}

// Scores of the layers of one batch: [B, L, H], filled as layers go by.
struct BatchScores {
  Tensor scores, control;
};

BatchScores empty_scores(const Reading& reading, const ModelConfig& c, std::size_t prompts) {
  const Tensor scores = at::zeros({static_cast<std::int64_t>(prompts), c.n_layers, c.n_heads});
  return {scores, reading.control ? at::zeros_like(scores) : Tensor()};
}

void append(HeadSamples& samples, const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).contiguous();
  samples.samples += flat.size(0);
  const double* data = flat.const_data_ptr<double>();
  samples.values.insert(samples.values.end(), data, data + flat.numel());
}

// Spans that every probe of natural text or tasks has without saying so.
void add_common_spans(std::vector<ProbePrompt>& prompts) {
  for (ProbePrompt& prompt : prompts) {
    prompt.columns.insert({"end", {static_cast<std::int64_t>(prompt.tokens.size()) - 1}});
    for (std::int64_t i = 0; i < 4 && i < static_cast<std::int64_t>(prompt.tokens.size()); ++i) {
      prompt.columns["first four"].push_back(i);
    }
  }
}

// Readings of one probe, and what all of them ask for.
struct SharedReadings {
  const std::vector<const Reading*>& readings;
  const StatisticsAsks& asks;
};

// What each reading makes of one pass.
std::vector<BatchScores> read_batch(const Model& model,
                                    const std::vector<ProbePrompt>& prompts,
                                    const SharedReadings& shared,
                                    const StatisticsOf& statistics_of) {
  std::vector<BatchScores> batch;
  for (const Reading* reading : shared.readings) {
    batch.push_back(empty_scores(*reading, model.config(), prompts.size()));
  }
  const auto read_layer = [&](int layer, const AttentionStatistics& statistics) {
    const ProbeView view(statistics, shared.asks, prompts);
    for (std::size_t r = 0; r < batch.size(); ++r) {
      const Reading& reading = *shared.readings[r];
      batch[r].scores.select(1, layer).copy_(reading.score(view));
      if (reading.control) {
        batch[r].control.select(1, layer).copy_(reading.control(view));
      }
    }
  };
  statistics_of(model, prompts, request_for(shared.asks, prompts), read_layer);
  return batch;
}

void add_batch(ReadingResult& result,
               const BatchScores& batch,
               const std::vector<ProbePrompt>& prompts) {
  append(result.finding.scores, batch.scores);
  if (batch.control.defined()) {
    append(result.finding.control, batch.control);
  }
  for (const ProbePrompt& prompt : prompts) {
    result.groups.push_back(prompt.group);
  }
}

}  // namespace

void statistics_by_pass(const Model& model,
                        const std::vector<ProbePrompt>& prompts,
                        const StatisticsRequest& request,
                        const LayerStatistics& receive) {
  StatisticsTap tap(request, [&](const Visit& visit, const AttentionStatistics& statistics) {
    require_finite(statistics, visit.point.layer, model);
    receive(visit.point.layer, statistics);
  });
  model.forward(probe_batch(prompts), tap, {.logits = Logits::none});
}

std::string missing_span(const Model& model, const Reading& reading, std::uint64_t seed) {
  std::vector<ProbePrompt> prompts = make_probe(reading.probe, model, seed);
  add_common_spans(prompts);
  for (const std::string& span : reading.asks.spans) {
    for (const ProbePrompt& prompt : prompts) {
      if (!prompt.columns.contains(span)) {
        return span;
      }
    }
  }
  return {};
}

std::vector<ReadingResult> read_probe(const Model& model,
                                      const Probe& probe,
                                      const std::vector<const Reading*>& readings,
                                      const ProbePassOptions& options) {
  StatisticsAsks asks;
  for (const Reading* reading : readings) {
    asks = asks | reading->asks;
  }
  std::vector<ReadingResult> results(readings.size());
  for (std::size_t s = 0; s < options.seeds.size(); ++s) {
    std::vector<ProbePrompt> all = make_probe(probe, model, options.seeds[s]);
    add_common_spans(all);
    const auto batches = batches_of(all, options.batch_tokens);
    for (std::size_t n = 0; n < batches.size(); ++n) {
      if (options.stop && options.stop()) {
        return results;
      }
      const auto scores = read_batch(model, batches[n], {readings, asks}, options.statistics);
      for (std::size_t r = 0; r < readings.size(); ++r) {
        add_batch(results[r], scores[r], batches[n]);
      }
      if (options.progress) {
        options.progress((static_cast<double>(s) +
                          static_cast<double>(n + 1) / static_cast<double>(batches.size())) /
                         static_cast<double>(options.seeds.size()));
      }
    }
  }
  return results;
}

}  // namespace headscope
