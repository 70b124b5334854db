#include "analyses/sweep/sweep.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "analyses/sweep/plain_loop.h"
#include "analyses/sweep/scoring.h"
#include "analyses/sweep/sweep_memory.h"
#include "analyses/sweep/wave.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::int64_t length_of(const TaskItem& item) {
  return static_cast<std::int64_t>(item.clean.tokens.size());
}

std::int64_t longest(const Task& task) {
  std::int64_t most = 0;
  for (const TaskItem& item : task.items) {
    most = std::max(most, length_of(item));
  }
  return most;
}

// The first column with anything true; T if there is none.
std::int64_t first_true(const Tensor& columns) {
  const Tensor any = columns.any(0);
  for (std::int64_t column = 0; column < any.size(0); ++column) {
    if (any[column].item<bool>()) {
      return column;
    }
  }
  return any.size(0);
}

// Passes values on, counting them; refuses one that is not a number.
class CheckedSink final : public SweepSink {
 public:
  CheckedSink(SweepSink& to, const Grid& grid, const Task& task, const SweepOptions& options)
      : to_(to), grid_(grid), task_(task), options_(options) {}

  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const override {
    return to_.done(cell, prompt);
  }
  void put_baseline(ResultStore::Run run, const std::vector<double>& values) override {
    to_.put_baseline(run, values);
  }
  void put(const std::vector<ResultStore::Value>& values) override {
    for (const auto& [cell, prompt, value] : values) {
      if (std::isnan(value)) {
        throw DataError(
            "the metric of {}, item {}, is not a number: the model's logits are not finite there; "
            "try --dtype f32",
            to_string(grid_.cell(cell)),
            task_.items[static_cast<std::size_t>(prompt)].id);
      }
    }
    to_.put(values);
    count(static_cast<std::int64_t>(values.size()));
  }
  void count(std::int64_t more) {
    progress_.done += more;
    if (options_.progress) {
      options_.progress(progress_);
    }
  }
  void expect(std::int64_t total) { progress_.total = total; }

 private:
  SweepSink& to_;
  const Grid& grid_;
  const Task& task_;
  const SweepOptions& options_;
  SweepProgress progress_;
};

// Everything that stays the same through a sweep.
class Sweeper {
 public:
  Sweeper(const Model& model,
          const Task& task,
          const SweepSpec& spec,
          const SweepOptions& options,
          SweepSink& sink)
      : model_(model),
        task_(task),
        spec_(spec),
        options_(options),
        grid_(grid_of(model, task, spec)),
        sink_(sink, grid_, task, options),
        scoring_(*spec.metric, task.items, model.config().d_vocab) {}

  bool run();

 private:
  struct Group {  // cells that change the same columns
    std::int64_t pos = -1;
    Tensor changed;  // [B, T] bool, CPU
    std::int64_t first = 0;
  };

  [[nodiscard]] bool plain() const { return options_.execution == SweepOptions::Execution::plain; }
  [[nodiscard]] std::int64_t end_cell() const {
    return options_.end_cell < 0 ? grid_.size() : options_.end_cell;
  }
  [[nodiscard]] bool wanted(std::int64_t cell, std::int64_t item) const {
    return cell >= options_.first_cell && cell < end_cell() && !sink_.done(cell, item);
  }
  [[nodiscard]] bool wanted(std::int64_t cell, const Block& block) const {
    return std::any_of(block.items.begin(), block.items.end(), [&](std::int64_t item) {
      return wanted(cell, item);
    });
  }
  [[nodiscard]] SweepShape shape() const;
  [[nodiscard]] std::int64_t kept_from(const Block& block) const;
  [[nodiscard]] std::vector<Group> groups_of(const Block& block) const;
  [[nodiscard]] RunOptions run_options(const Block& block, Run run, bool with_sites) const;
  [[nodiscard]] BlockRuns runs_of(const Block& block, bool with_sites) const;
  void put_baselines(const std::vector<Block>& blocks);
  [[nodiscard]] std::vector<double> baseline(const Block& block,
                                             const BlockRuns& runs,
                                             Run run) const;
  bool run_block(const Block& block, const BlockRuns& runs);
  bool run_group(const Block& block, const BlockRuns& runs, const Group& group);
  bool add_cells(Wave& wave,
                 const ChangeInput& in,
                 const Block& block,
                 const Group& group,
                 std::int64_t layer,
                 HeadRange heads,
                 const std::vector<double>& unchanged);

  const Model& model_;
  const Task& task_;
  const SweepSpec& spec_;
  const SweepOptions& options_;
  Grid grid_;
  CheckedSink sink_;
  Scoring scoring_;
  SweepPlan plan_;
  std::optional<BlockRuns> only_;  // of a task that is one block: run once
};

SweepShape Sweeper::shape() const {
  const std::int64_t columns = longest(task_);
  std::int64_t running = 1;
  for (const Block& block : blocks_of(task_.items, 1)) {
    running = std::max(running, block.columns() - std::min(kept_from(block), block.columns() - 1));
  }
  const auto logits = scoring_.vocab().empty() ? model_.config().d_vocab
                                               : static_cast<std::int64_t>(scoring_.vocab().size());
  return {columns, plain() ? columns : running, logits, spec_.site == Site::pattern};
}

std::int64_t Sweeper::kept_from(const Block& block) const {
  if (plain()) {
    return 0;
  }
  std::int64_t first = block.columns();
  for (const Group& group : groups_of(block)) {
    first = std::min(first, group.first);
  }
  return first;
}

std::vector<Sweeper::Group> Sweeper::groups_of(const Block& block) const {
  const Tensor chosen = chosen_columns(spec_.positions, block, task_.items);
  const std::int64_t start = spec_.source->same_before_difference() ? block.first_difference : 0;
  std::vector<Group> groups;
  const auto add = [&](std::int64_t pos, const Tensor& changed) {
    Tensor effective = changed.clone();
    effective.narrow(1, 0, start).fill_(false);
    groups.push_back({pos, effective, first_true(effective)});
  };
  if (!spec_.over_positions) {
    add(-1, chosen);
  }
  for (std::int64_t pos = 0; spec_.over_positions && pos < block.columns(); ++pos) {
    Tensor one = at::zeros_like(chosen);
    one.select(1, pos).fill_(true);
    add(pos, one);
  }
  return groups;
}

RunOptions Sweeper::run_options(const Block& block, Run run, bool with_sites) const {
  RunOptions options{.sites = {}, .first_column = 0, .vocab = scoring_.vocab()};
  if (!with_sites) {
    return options;
  }
  options.first_column = std::min(kept_from(block), block.columns() - 1);
  const ModelConfig& config = model_.config();
  const std::vector<Site> forms =
      plain() ? std::vector<Site>{spec_.site} : sites_of_source_run(spec_.site, config);
  options.sites = spec_.source->sites(run, forms);
  if (run == spec_.into && !plain()) {
    const auto more = sites_of_changed_run(spec_.site, config);
    options.sites.insert(options.sites.end(), more.begin(), more.end());
  }
  return options;
}

BlockRuns Sweeper::runs_of(const Block& block, bool with_sites) const {
  return {block,
          RunValues(model_, block.clean, run_options(block, Run::clean, with_sites)),
          RunValues(model_, block.corrupted, run_options(block, Run::corrupted, with_sites))};
}

std::vector<double> Sweeper::baseline(const Block& block, const BlockRuns& runs, Run run) const {
  return scoring_.values(runs.of(run).logits(), block.items, runs.clean.logits());
}

// The runs nobody changed come first: a file that stops early has what its cells compare with.
void Sweeper::put_baselines(const std::vector<Block>& blocks) {
  std::vector<double> clean(task_.items.size());
  std::vector<double> corrupted(task_.items.size());
  for (const Block& block : blocks) {
    BlockRuns runs = runs_of(block, blocks.size() == 1);
    const auto clean_values = baseline(block, runs, Run::clean);
    const auto corrupted_values = baseline(block, runs, Run::corrupted);
    for (std::size_t i = 0; i < block.items.size(); ++i) {
      clean[static_cast<std::size_t>(block.items[i])] = clean_values[i];
      corrupted[static_cast<std::size_t>(block.items[i])] = corrupted_values[i];
    }
    if (blocks.size() == 1) {
      only_.emplace(std::move(runs));
    }
  }
  sink_.put_baseline(ResultStore::Run::clean, clean);
  sink_.put_baseline(ResultStore::Run::corrupted, corrupted);
}

bool Sweeper::run() {
  plan_ = plan_sweep(model_, shape(), options_.memory);
  const std::vector<Block> blocks = blocks_of(task_.items, plan_.block_tokens);
  const auto items = static_cast<std::int64_t>(task_.items.size());
  sink_.expect((end_cell() - options_.first_cell) * items);
  std::int64_t before = 0;
  for (std::int64_t cell = options_.first_cell; cell < end_cell(); ++cell) {
    for (std::int64_t item = 0; item < items; ++item) {
      before += sink_.done(cell, item) ? 1 : 0;
    }
  }
  sink_.count(before);
  put_baselines(blocks);
  for (const Block& block : blocks) {
    if (options_.stop && options_.stop()) {
      return false;
    }
    const bool going_on = only_ ? run_block(block, *only_) : run_block(block, runs_of(block, true));
    if (!going_on) {
      return false;
    }
  }
  return true;
}

bool Sweeper::run_block(const Block& block, const BlockRuns& runs) {
  for (const Group& group : groups_of(block)) {
    if (plain()) {
      const PlainLoop loop{model_, block, runs, spec_, scoring_};
      for (std::int64_t cell = 0; cell < grid_.size(); ++cell) {
        if (grid_.cell(cell).pos != group.pos || !wanted(cell, block)) {
          continue;
        }
        if (options_.stop && options_.stop()) {
          return false;
        }
        std::vector<ResultStore::Value> values = loop.run(grid_.cell(cell), cell, group.changed);
        std::erase_if(values, [&](const auto& v) { return sink_.done(v.cell, v.prompt); });
        sink_.put(values);
      }
    } else if (!run_group(block, runs, group)) {
      return false;
    }
  }
  return true;
}

bool Sweeper::run_group(const Block& block, const BlockRuns& runs, const Group& group) {
  const std::vector<double> unchanged = baseline(block, runs, spec_.into);
  const std::int64_t first = std::min(group.first, block.columns() - 1);
  const Continuation continuation(model_, runs.of(spec_.into), block.layout(), first);
  const Replacement replacement = spec_.source->of_block(runs);
  ChangeInput in{.model = model_,
                 .run = runs.of(spec_.into),
                 .replacement = replacement,
                 .site = spec_.site,
                 .layout = block.layout(),
                 .kept_from = std::min(kept_from(block), block.columns() - 1),
                 .changed = group.changed.to(to_torch(model_.device()))};
  in.layout.past = first;
  in.layout.columns = block.columns() - first;
  Wave wave(continuation, scoring_, runs.clean.logits(), sink_);
  const std::int64_t heads = grid_.options().heads;
  const std::int64_t step =
      std::clamp<std::int64_t>(plan_.wave_rows / block.rows(), 1, std::max<std::int64_t>(heads, 1));
  for (std::int64_t layer = 0; layer < grid_.options().layers; ++layer) {
    for (std::int64_t head = 0; head < std::max<std::int64_t>(heads, 1); head += step) {
      const HeadRange range{head, heads == 0 ? 0 : std::min(step, heads - head)};
      if (wave.rows() > 0 && wave.rows() + step * block.rows() > plan_.wave_rows &&
          !wave.flush(options_.stop)) {
        return false;
      }
      if (!add_cells(wave, in, block, group, layer, range, unchanged)) {
        return false;
      }
    }
  }
  return wave.flush(options_.stop);
}

bool Sweeper::add_cells(Wave& wave,
                        const ChangeInput& in,
                        const Block& block,
                        const Group& group,
                        std::int64_t layer,
                        HeadRange heads,
                        const std::vector<double>& unchanged) {
  const auto cell_of = [&](std::int64_t i) {
    return grid_.index({layer, heads.count == 0 ? -1 : heads.first + i, group.pos});
  };
  const std::int64_t cells = std::max<std::int64_t>(heads.count, 1);
  bool any = false;
  for (std::int64_t i = 0; i < cells; ++i) {
    any = any || wanted(cell_of(i), block);
  }
  if (!any) {
    return true;
  }
  if (options_.stop && options_.stop()) {
    return false;
  }
  const ChangedStreams changed = changed_streams(in, layer, heads);
  const Tensor differs = changed.differs.cpu();
  std::vector<ResultStore::Value> same;
  std::vector<Wave::Member> members;
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < cells; ++i) {
    for (std::int64_t row = 0; row < block.rows(); ++row) {
      const std::int64_t item = block.items[static_cast<std::size_t>(row)];
      if (!wanted(cell_of(i), item)) {
        continue;
      }
      if (differs[i][row].item<bool>()) {
        members.push_back({cell_of(i), row, item});
        chosen.push_back(i * block.rows() + row);
      } else {
        same.push_back({cell_of(i), item, unchanged[static_cast<std::size_t>(row)]});
      }
    }
  }
  if (!same.empty()) {
    sink_.put(same);
  }
  if (!members.empty()) {
    Tensor index = at::empty({static_cast<std::int64_t>(chosen.size())}, at::kLong);
    std::copy(chosen.begin(), chosen.end(), index.data_ptr<std::int64_t>());
    const Tensor streams =
        changed.streams.flatten(0, 1).index_select(0, index.to(changed.streams.device()));
    wave.add({changed.layer, changed.at, streams, {}}, members);
  }
  return true;
}

}  // namespace

Grid grid_of(const Model& model, const Task& task, const SweepSpec& spec) {
  const ModelConfig& config = model.config();
  if (!info(spec.site).exists(config)) {
    throw UsageError(
        "{}: this model has no such site ({})", info(spec.site).name, info(spec.site).when);
  }
  const Axis axis = head_axis_of(spec.site);
  if (spec.over_heads && axis == Axis::one) {
    throw UsageError("--over head: {} has no heads; use --over layer", info(spec.site).name);
  }
  if (spec.over_positions) {
    for (const TaskItem& item : task.items) {
      if (length_of(item) != length_of(task.items.front())) {
        throw UsageError(
            "--over pos: items {} and {} have {} and {} tokens; sweep positions of prompts of one "
            "length, or name them with --positions SPAN",
            task.items.front().id,
            item.id,
            length_of(task.items.front()),
            length_of(item));
      }
    }
  }
  return Grid({.layers = config.n_layers,
               .heads = spec.over_heads ? *axis_size(axis, config) : 0,
               .head_axis = std::string(to_string(axis)),
               .positions = spec.over_positions ? length_of(task.items.front()) : 0});
}

bool run_sweep(const Model& model,
               const Task& task,
               const SweepSpec& spec,
               const SweepOptions& options,
               SweepSink& sink) {
  return Sweeper(model, task, spec, options, sink).run();
}

}  // namespace headscope
