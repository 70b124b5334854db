#include "analyses/sweep/sweep.h"

#include <algorithm>
#include <optional>

#include "analyses/sweep/baselines.h"
#include "analyses/sweep/checked_sink.h"
#include "analyses/sweep/sweep_batch.h"
#include "lib/base/error.h"
#include "lib/model/qkv.h"

namespace headscope {
namespace {

class Sweeper {
 public:
  Sweeper(const Model& model,
          const Task& task,
          const SweepSpec& spec,
          const SweepOptions& options,
          SweepSink& sink)
      : grid_(grid_of(model, task, spec)),
        sink_(sink, grid_, task, options, model),
        scoring_(*spec.metric, task.items, model),
        context_{model, task, spec, options, grid_, scoring_, sink_},
        baselines_(task.items.size()) {}

  const SweepPlan& plan();  // and the checks before it
  bool run();

 private:
  [[nodiscard]] bool plain() const { return context_.plain(); }
  [[nodiscard]] std::int64_t kept_from(const PromptBatch& batch) const {
    const auto swept = swept_columns(
        context_.spec, context_.model.config(), batch, context_.task.items);  // or throws
    return plain() ? 0 : swept.kept_from;
  }
  [[nodiscard]] SweepShape shape() const;
  [[nodiscard]] std::vector<Site> sites_of(Run run) const;
  [[nodiscard]] BatchRuns runs_of(const PromptBatch& batch) const;
  void put_baselines(const std::vector<PromptBatch>& swept);
  void run_baselines(const std::vector<PromptBatch>& swept);
  [[nodiscard]] SweepBatch sweep_of(const PromptBatch& batch);
  bool run_chosen(const std::vector<PromptBatch>& batches, BlockSource& chosen);

  Grid grid_;
  CheckedSink sink_;
  Scoring scoring_;
  SweepContext context_;
  Baselines baselines_;
  std::optional<BatchRuns> only_;  // of a task that is one batch: run once
};

SweepShape Sweeper::shape() const {
  SweepShape shape;
  for (const PromptBatch& batch : prompt_batches(context_.task.items, 1)) {
    shape.columns = std::max(shape.columns, batch.columns());
    shape.running = std::max(shape.running, batch.columns() - kept_from(batch));
  }
  shape.logits = scoring_.vocab().empty() ? context_.model.config().d_vocab
                                          : static_cast<std::int64_t>(scoring_.vocab().size());
  shape.keeps_patterns = std::any_of(
      context_.spec.parts.begin(), context_.spec.parts.end(), [](const SweptPart& part) {
        return part.site == Site::pattern;
      });
  return shape;
}

std::vector<Site> Sweeper::sites_of(Run run) const {
  const ModelConfig& config = context_.model.config();
  const SweepSpec& spec = context_.spec;
  std::vector<Site> sites;
  const auto add = [&](const std::vector<Site>& more) {
    sites.insert(sites.end(), more.begin(), more.end());
  };
  for (const SweptPart& part : spec.parts) {
    add(spec.source->sites(
        run, plain() ? std::vector{part.site} : sites_of_source_run(part.site, config)));
    if (run == spec.into && !plain()) {
      add(sites_of_changed_run(part.site, config));
    }
  }
  if (run == spec.into && spec.runner != nullptr) {
    add(plain() ? spec.runner->sites_of_whole_run() : spec.runner->sites(config));
  }
  return sites;
}

BatchRuns Sweeper::runs_of(const PromptBatch& batch) const {
  RunOptions options{
      .sites = sites_of(Run::clean), .first_column = kept_from(batch), .vocab = scoring_.vocab()};
  RunValues clean(context_.model, batch.clean, options);
  options.sites = sites_of(Run::corrupted);
  return {batch, std::move(clean), RunValues(context_.model, batch.corrupted, options)};
}

// The unchanged runs come first: a file that stops early has what its cells compare with.
void Sweeper::put_baselines(const std::vector<PromptBatch>& swept) {
  if (context_.options.baselines != nullptr) {
    baselines_ = *context_.options.baselines;
  } else {
    run_baselines(swept);
  }
  sink_.put_baseline(Run::clean, baselines_.clean);
  sink_.put_baseline(Run::corrupted, baselines_.corrupted);
}

void Sweeper::run_baselines(const std::vector<PromptBatch>& swept) {
  const std::vector<PromptBatch> batches =
      prompt_batches(context_.task.items, context_.plan.baseline_tokens);
  const bool keep = batches.size() == 1 && swept.size() == 1;
  for (const PromptBatch& batch : batches) {
    BatchRuns runs = keep ? runs_of(swept.front()) : logits_of(context_.model, batch, scoring_);
    baselines_.add(runs, scoring_);
    if (keep) {
      only_.emplace(std::move(runs));
    }
  }
}

// Shortcuts put one head's changed queries or keys beside the others' as attention compares them.
void require_heads_apart_where_swept(const SweepSpec& spec, const ModelConfig& config) {
  for (const SweptPart& part : spec.parts) {
    if (part.heads && (part.site == Site::q || part.site == Site::k)) {
      require_heads_apart(config, part.site == Site::q ? HeadInput::q : HeadInput::k);
    }
  }
}

const SweepPlan& Sweeper::plan() {
  if (!plain()) {
    require_heads_apart_where_swept(context_.spec, context_.model.config());
  }
  if (plain() && context_.spec.runner != nullptr) {
    context_.spec.runner->check_whole_run(context_.model);
  }
  const SweepOptions& options = context_.options;
  if (options.plan) {
    check_plan(context_.model, shape(), *options.plan, options.memory);
    context_.plan = *options.plan;
  } else {
    context_.plan = plan_sweep(context_.model, shape(), options.memory);
  }
  return context_.plan;
}

bool Sweeper::run() {
  plan();
  const auto batches = prompt_batches(context_.task.items, context_.plan.batch_tokens);
  sink_.count_done(context_.options.first_cell, context_.end_cell());
  put_baselines(batches);
  if (context_.options.blocks != nullptr) {
    return run_chosen(batches, *context_.options.blocks);
  }
  return std::all_of(batches.begin(), batches.end(), [&](const PromptBatch& batch) {
    SweepBatch sweep = sweep_of(batch);
    return !context_.stopped() && sweep.run({0, sweep.blocks()});
  });
}

SweepBatch Sweeper::sweep_of(const PromptBatch& batch) {
  return {context_, batch, baselines_.of(context_.spec.into), [this, &batch] {
            if (!only_) {
              return runs_of(batch);
            }
            BatchRuns kept = std::move(*only_);
            only_.reset();
            return kept;
          }};
}

// The batch of prompts that the last blocks were of is kept: those that come next mostly are too.
bool Sweeper::run_chosen(const std::vector<PromptBatch>& batches, BlockSource& chosen) {
  std::vector<std::int64_t> firsts{0};
  for (const PromptBatch& batch : batches) {
    firsts.push_back(firsts.back() + sweep_of(batch).blocks());
  }
  chosen.begin(firsts.back());
  std::optional<SweepBatch> sweep;
  std::size_t at = batches.size();
  while (const std::optional<BlockRange> blocks = chosen.next()) {
    for (std::int64_t first = blocks->first; first < blocks->end;) {
      const auto behind = std::upper_bound(firsts.begin(), firsts.end(), first);
      const auto here = static_cast<std::size_t>(behind - firsts.begin() - 1);
      if (here != at) {
        sweep.reset();  // its values go before the next ones come
        sweep.emplace(sweep_of(batches[here]));
        at = here;
      }
      const std::int64_t end = std::min(blocks->end, *behind);
      if (!sweep->run({first - firsts[here], end - firsts[here]})) {
        return false;
      }
      first = end;
    }
  }
  return !context_.stopped();
}

void check_lengths(const Task& task) {
  for (const TaskItem& item : task.items) {
    if (item.length() != task.items.front().length()) {
      throw UsageError(
          "--over pos: items {} and {} have {} and {} tokens, so a position means different things "
          "in them; take prompts of one length, or --over layer,span, whose columns are the task's "
          "spans",
          task.items.front().id,
          item.id,
          task.items.front().length(),
          item.length());
    }
  }
}

std::vector<std::string> spans_of(const Task& task) {
  std::vector<std::string> spans = common_spans(task.items);
  if (spans.empty()) {
    throw UsageError("--over span: no span is named in every item of {}", task.name);
  }
  return spans;
}

void check_part(const SweptPart& part, const ModelConfig& config) {
  const SiteInfo& site = info(part.site);
  if (!site.exists(config)) {
    throw UsageError("{}: this model has no such site ({})", site.name, site.when);
  }
  if (part.heads && head_axis_of(part.site) == Axis::one) {
    throw UsageError("--over head: {} has no heads; use --over layer", site.name);
  }
}

// The heads of a spec that changes some at once, as the one label of its cell.
std::string together_label(const ModelConfig& config, const SweepSpec& spec) {
  const HeadGrid grid{config.n_layers, *axis_size(head_axis_of(spec.parts.front().site), config)};
  std::string label;
  for (const HeadId& head : spec.together) {
    if (!grid.contains(head)) {
      throw UsageError("--heads {}: the model has {} layers of {} such heads",
                       to_string(head),
                       grid.n_layers,
                       grid.n_heads);
    }
    label += (label.empty() ? "" : "+") + to_string(head);
  }
  return label;
}

// What tells the cells of a layer apart beside positions.
void name_cells(Grid::Options& grid, const SweepSpec& spec, const ModelConfig& config) {
  for (const SweptPart& part : spec.parts) {
    check_part(part, config);
    const std::int64_t heads = part.heads ? *axis_size(head_axis_of(part.site), config) : 0;
    for (std::int64_t head = 0; head < heads; ++head) {
      grid.head_labels.push_back(std::to_string(head));
    }
    if (heads == 0 && spec.parts.size() > 1) {
      grid.head_labels.push_back(short_name(part.site));
    }
  }
  grid.head_axis = spec.parts.size() > 1
                       ? "part"
                       : std::string(to_string(head_axis_of(spec.parts.front().site)));
  ValueSource::Variants variants = spec.source->variants();
  if (!variants.labels.empty()) {
    if (!grid.head_labels.empty()) {
      throw InternalError("a sweep over variants of several parts or heads");
    }
    grid.head_labels = std::move(variants.labels);
    grid.head_axis = std::move(variants.axis);
  }
  grid.heads = static_cast<std::int64_t>(grid.head_labels.size());
}

}  // namespace

Grid grid_of(const Model& model, const Task& task, const SweepSpec& spec) {
  const ModelConfig& config = model.config();
  Grid::Options grid{.layers = spec.layer < 0 ? config.n_layers : 1,
                     .first_layer = std::max<std::int64_t>(spec.layer, 0)};
  name_cells(grid, spec, config);
  if (!spec.together.empty()) {
    grid = {.layers = 1, .layer_axis = "heads", .layer_labels = {together_label(config, spec)}};
  }
  if (spec.over_positions) {
    if (spec.positions.text != "all") {
      throw UsageError("--over pos takes every position; leave out --positions {}",
                       spec.positions.text);
    }
    if (spec.over_spans) {
      grid.position_axis = "span";
      grid.position_labels = spans_of(task);
    } else {
      check_lengths(task);
    }
    grid.positions = spec.over_spans ? static_cast<std::int64_t>(grid.position_labels.size())
                                     : task.items.front().length();
  }
  return Grid(std::move(grid));
}

SweepPlan check_sweep(const Model& model,
                      const Task& task,
                      const SweepSpec& spec,
                      const SweepOptions& options) {
  SweepTable nothing(0, 0);
  return Sweeper(model, task, spec, options, nothing).plan();
}

bool run_sweep(const Model& model,
               const Task& task,
               const SweepSpec& spec,
               const SweepOptions& options,
               SweepSink& sink) {
  return Sweeper(model, task, spec, options, sink).run();
}

}  // namespace headscope
