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

// Scores of the layers of one batch: [B, L, H] a reading, filled as layers go by.
struct BatchScores {
  Tensor scores, control;
};

void append(HeadSamples& samples, const Tensor& values) {
  const Tensor flat = values.to(at::kDouble).contiguous();
  samples.samples += flat.size(0);
  const double* data = flat.const_data_ptr<double>();
  samples.values.insert(samples.values.end(), data, data + flat.numel());
}

// Spans that every probe of natural text or tasks has without saying so.
void add_common_spans(std::vector<ProbePrompt>& prompts) {
  for (ProbePrompt& prompt : prompts) {
    prompt.spans.insert({"end", {static_cast<std::int64_t>(prompt.tokens.size()) - 1}});
    for (std::int64_t i = 0; i < 4 && i < static_cast<std::int64_t>(prompt.tokens.size()); ++i) {
      prompt.spans["first four"].push_back(i);
    }
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
      if (!prompt.spans.contains(span)) {
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
  const ModelConfig& c = model.config();
  std::vector<ReadingResult> results(readings.size());
  for (std::size_t s = 0; s < options.seeds.size(); ++s) {
    std::vector<ProbePrompt> all = make_probe(probe, model, options.seeds[s]);
    add_common_spans(all);
    const auto batches = batches_of(all, options.batch_tokens);
    for (std::size_t n = 0; n < batches.size(); ++n) {
      if (options.stop && options.stop()) {
        return results;
      }
      const auto& prompts = batches[n];
      const auto rows = static_cast<std::int64_t>(prompts.size());
      std::vector<BatchScores> batch(readings.size());
      for (std::size_t r = 0; r < readings.size(); ++r) {
        batch[r].scores = at::zeros({rows, c.n_layers, c.n_heads});
        batch[r].control = readings[r]->control ? at::zeros_like(batch[r].scores) : Tensor();
      }
      options.statistics(model,
                         prompts,
                         request_for(asks, prompts),
                         [&](int layer, const AttentionStatistics& statistics) {
                           const ProbeView view(statistics, asks, prompts);
                           for (std::size_t r = 0; r < readings.size(); ++r) {
                             batch[r].scores.select(1, layer).copy_(readings[r]->score(view));
                             if (readings[r]->control) {
                               batch[r].control.select(1, layer).copy_(readings[r]->control(view));
                             }
                           }
                         });
      for (std::size_t r = 0; r < readings.size(); ++r) {
        append(results[r].finding.scores, batch[r].scores);
        if (readings[r]->control) {
          append(results[r].finding.control, batch[r].control);
        }
        for (const ProbePrompt& prompt : prompts) {
          results[r].groups.push_back(prompt.group);
        }
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
