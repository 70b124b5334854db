#include "hooks/record.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "hooks/gradient_trace_tap.h"
#include "hooks/recorded_points.h"
#include "hooks/statistics_tap.h"
#include "hooks/tap_list.h"
#include "hooks/trace_tap.h"
#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

TraceDataset dataset_of(std::string name, HookPoint point, const ModelConfig& config, DType store) {
  TraceDataset dataset{.name = std::move(name),
                       .axes = {},
                       .shape = {},
                       .dtype = holds_numbers(point.site) ? DType::f32 : store};
  for (const Axis axis : info(point.site).axes) {
    if (axis == Axis::batch) {
      dataset.axes.emplace_back("prompt");
      continue;
    }
    dataset.axes.emplace_back(to_string(axis));
    dataset.shape.push_back(axis_size(axis, config).value_or(0));
  }
  return dataset;
}

std::vector<std::size_t> not_done(const TraceWriter& writer, std::size_t prompts) {
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < prompts; ++i) {
    if (!writer.done(i)) {
      left.push_back(i);
    }
  }
  return left;
}

Batch batch_of(const std::vector<Prompt>& prompts, const std::vector<std::size_t>& rows) {
  std::vector<const Prompt*> of;
  for (const std::size_t row : rows) {
    of.push_back(&prompts[row]);
  }
  Batch batch = Batch::of(of);
  batch.number_prompts({rows.begin(), rows.end()});
  return batch;
}

void write_logits(TraceTap& tap, const Tensor& logits, const Batch& batch) {
  const bool last = logits.dim() == 2;
  std::vector<Tensor> rows;
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    const std::int64_t pad = batch.layout().pads[static_cast<std::size_t>(row)];
    const Tensor own = logits[row];
    rows.push_back(last ? own : own.narrow(0, pad, own.size(0) - pad));
  }
  tap.write_each(last ? "logits/last" : "logits/all", rows);
}

// Before a file is made.
void check_statistics(const StatisticsChoice& choice, const std::vector<Prompt>& prompts) {
  const StatisticsRequest request = statistics_request(choice);
  const bool alike = std::all_of(prompts.begin(), prompts.end(), [&](const Prompt& prompt) {
    return prompt.tokens.size() == prompts.front().tokens.size();
  });
  if (request.block > 0 && !alike) {
    throw UsageError(
        "statistics \"blocks\" are maps of prompts of one length; these differ: record them one "
        "by one, or leave blocks out");
  }
}

// Statistics of a layer's attention, written as the pass reaches it.
StatisticsTap statistics_tap(TraceTap& tap, const RecordOptions& options) {
  const auto write = [&tap, &options](const Visit& visit, const AttentionStatistics& all) {
    std::map<std::string, std::vector<Tensor>> rows;  // by the statistic's name
    for (std::size_t row = 0; row < visit.layout.pads.size(); ++row) {
      const std::int64_t pad = visit.layout.pads[row];
      for (const NamedStatistic& each :
           statistics_of_prompt(options.statistics, all, static_cast<std::int64_t>(row), pad)) {
        rows[each.name].push_back(each.value);
      }
    }
    for (const auto& [name, values] : rows) {
      tap.write_each(statistic_point(visit.point.layer, name), values);
    }
  };
  return {statistics_request(options.statistics), write};
}

// Ends a pass at the next layer if asked to.
class CancelTap final : public Tap {
 public:
  explicit CancelTap(const std::function<bool()>& cancel) : cancel_(cancel) {}
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return cancel_ && point.site == Site::resid_pre ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override {
    if (cancel_()) {
      throw Interrupted();
    }
    return value;
  }

 private:
  const std::function<bool()>& cancel_;
};

ForwardResult run(const Model& model,
                  const Batch& batch,
                  TraceTap& tap,
                  const RecordOptions& options) {
  const ForwardOptions forward{.logits = options.logits};
  CancelTap cancel(options.cancel);
  if (options.statistics.names.empty()) {
    return model.forward(batch, cancel | tap, forward);
  }
  StatisticsTap statistics = statistics_tap(tap, options);
  return model.forward(batch, cancel | tap | statistics, forward);
}

// Beside the forward pass, whose values and logits do not change for it.
void write_gradients(TraceTap& tap,
                     const Model& model,
                     const Batch& batch,
                     const RecordOptions& options,
                     const std::vector<HookPoint>& points,
                     const std::vector<std::size_t>& rows) {
  if (points.empty()) {
    return;
  }
  GradientTraceTap gradient_tap(tap, points);
  gradients(
      model,
      batch,
      [&](const Tensor& logits) { return options.objective(logits, rows); },
      gradient_tap);
}

void write_batch(TraceTap& tap,
                 const Model& model,
                 const Batch& batch,
                 const RecordOptions& options,
                 const std::vector<HookPoint>& gradients_at,
                 const std::vector<std::size_t>& rows) {
  const ForwardResult pass = run(model, batch, tap, options);
  if (options.logits != Logits::none) {
    write_logits(tap, pass.logits, batch);
  }
  write_gradients(tap, model, batch, options, gradients_at, rows);
}

struct Recording {
  const Model& model;
  const std::vector<Prompt>& prompts;
  const RecordOptions& options;
  const std::vector<HookPoint>& gradients_at;
};

using RecordRows = std::vector<std::size_t>;  // prompts that run together

// False if it was stopped: what is written of these prompts is written again.
bool record_batch(TraceWriter& writer,
                  TraceTap& tap,
                  const Recording& of,
                  const RecordRows& rows,
                  RecordResult& result) {
  const RecordOptions& options = of.options;
  if (options.stop && options.stop()) {
    return false;
  }
  tap.set_rows(rows);
  try {
    write_batch(tap, of.model, batch_of(of.prompts, rows), options, of.gradients_at, rows);
  } catch (const Interrupted&) {
    return false;
  }
  writer.finish_prompts(tap.prompts());
  result.recorded_now += rows.size();
  if (options.progress) {
    options.progress(writer.done_count(), of.prompts.size());
  }
  return true;
}

// The prompts that the file lacks, batch by batch.
void record_rest(TraceWriter& writer, TraceTap& tap, const Recording& of, RecordResult& result) {
  for (const RecordRows& rows : plan_batches(lengths_of(of.prompts),
                                             not_done(writer, of.prompts.size()),
                                             {.most_tokens = of.options.batch_tokens})) {
    if (!record_batch(writer, tap, of, rows, result)) {
      result.stopped = true;
      return;
    }
  }
}

// Those that options.blocks names. A batch that a kill parted runs again whole, so that it rounds
// as ever.
void record_chosen(TraceWriter& writer, TraceTap& tap, const Recording& of, RecordResult& result) {
  const auto batches =
      plan_batches(lengths_of(of.prompts), {.most_tokens = of.options.batch_tokens});
  const auto there = [&](std::size_t prompt) {
    return writer.done(prompt) || (of.options.elsewhere && of.options.elsewhere(prompt));
  };
  of.options.blocks->begin(std::ssize(batches));
  while (const std::optional<BlockRange> blocks = of.options.blocks->next()) {
    for (std::int64_t block = blocks->first; block < blocks->end; ++block) {
      const RecordRows& rows = batches[static_cast<std::size_t>(block)];
      if (std::ranges::all_of(rows, there)) {
        continue;
      }
      writer.reopen(rows);
      if (!record_batch(writer, tap, of, rows, result)) {
        result.stopped = true;
        return;
      }
    }
    writer.flush();
  }
  result.stopped = of.options.stop && of.options.stop();
}

}  // namespace

std::vector<TraceDataset> record_datasets(const ModelConfig& config,
                                          const RecordOptions& options,
                                          std::int64_t longest) {
  std::vector<TraceDataset> datasets;
  const RecordedPoints points = recorded_points(options.hooks, config);
  for (const HookPoint point : points.values) {
    datasets.push_back(
        dataset_of(hook_name(point.site, point.layer), point, config, options.store));
  }
  for (const HookPoint point : points.gradients) {
    datasets.push_back(dataset_of(gradient_name(point), point, config, options.store));
  }
  for (TraceDataset& each : statistics_datasets(options.statistics, config, longest)) {
    datasets.push_back(std::move(each));
  }
  if (options.logits == Logits::last) {
    datasets.push_back({"logits/last", {"prompt", "vocab"}, {config.d_vocab}, options.store});
  }
  if (options.logits == Logits::all) {
    datasets.push_back(
        {"logits/all", {"prompt", "pos", "vocab"}, {0, config.d_vocab}, options.store});
  }
  if (datasets.empty()) {
    throw UsageError(
        "nothing to record: name hooks (--hooks), statistics (--statistics) or logits (--logits "
        "last)");
  }
  return datasets;
}

RecordResult record(const Model& model,
                    const std::vector<Prompt>& prompts,
                    const std::filesystem::path& out,
                    const RecordOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  check_statistics(options.statistics, prompts);
  const RecordedPoints points = recorded_points(options.hooks, model.config());
  if (!points.gradients.empty() && !options.objective) {
    throw UsageError("{}: a gradient, but nothing says of what",
                     gradient_name(points.gradients.front()));
  }
  const TraceHeader header{options.provenance,
                           prompts,
                           record_datasets(model.config(), options, longest_prompt(prompts))};
  TraceWriter writer(out, header, {.if_exists = options.if_exists, .compress = options.compress});
  TraceTap tap(writer, points.values);
  RecordResult result;
  result.prompts = prompts.size();
  result.done_before = writer.done_count();
  const Recording recording{model, prompts, options, points.gradients};
  options.blocks == nullptr ? record_rest(writer, tap, recording, result)
                            : record_chosen(writer, tap, recording, result);
  writer.finish();
  result.bytes = tap.bytes();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace headscope
