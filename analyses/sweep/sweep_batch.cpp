#include "analyses/sweep/sweep_batch.h"

#include <algorithm>
#include <memory>

#include "analyses/sweep/continuation.h"
#include "analyses/sweep/plain_loop.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

const RowRunnerMaker& runner_of(const SweepSpec& spec) {
  static const ContinuationMaker continuation;
  return spec.runner == nullptr ? continuation : *spec.runner;
}

// What the source brings, formed when a cell first asks and kept for the others of the batch.
std::vector<Replacement> formed_once(const ValueSource& source,
                                     const BatchRuns& runs,
                                     std::int64_t variants) {
  const auto formed = std::make_shared<std::vector<Replacement>>();
  std::vector<Replacement> all;
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max<std::int64_t>(variants, 1)); ++i) {
    all.emplace_back(
        [&source, &runs, formed, i](Site site, std::int64_t layer, const Tensor& original) {
          if (formed->empty()) {
            *formed = source.by_variant(runs);
          }
          return (*formed)[i](site, layer, original);
        });
  }
  return all;
}

}  // namespace

SweepBatch::SweepBatch(const SweepContext& context,
                       const PromptBatch& batch,
                       const std::vector<double>& unchanged,
                       std::function<BatchRuns()> make_runs)
    : context_(context),
      batch_(batch),
      unchanged_(unchanged),
      make_runs_(std::move(make_runs)),
      columns_(swept_columns(context.spec, context.model.config(), batch_, context.task.items)),
      variants_(std::ssize(context.spec.source->variants().labels)) {}

const BatchRuns& SweepBatch::runs() {
  if (!runs_) {
    runs_.emplace(make_runs_());
    replacements_ = formed_once(*context_.spec.source, *runs_, variants_);
  }
  return *runs_;
}

std::int64_t SweepBatch::heads_of(const SweptPart& part) const {
  return part.heads ? *axis_size(head_axis_of(part.site), context_.model.config()) : variants_;
}

// Layer by layer and, within one, in the order of the parts: the order in which rows may enter.
std::vector<SweepBatch::Cells> SweepBatch::cells_of(const ColumnGroup& group) const {
  const Grid::Options& grid = context_.grid.options();
  if (!context_.spec.together.empty()) {  // one cell, of all of its heads
    return {Cells{0, 0, {}, {context_.grid.index({0, -1, group.pos})}}};
  }
  const std::int64_t fit = std::max<std::int64_t>(1, context_.plan.batch_rows / batch_.rows());
  std::vector<Cells> all;
  for (std::int64_t layer = grid.first_layer; layer < grid.first_layer + grid.layers; ++layer) {
    std::int64_t before = 0;  // heads of the parts before
    for (std::size_t part = 0; part < context_.spec.parts.size(); ++part) {
      const std::int64_t heads = heads_of(context_.spec.parts[part]);
      for (std::int64_t head = 0; head < std::max<std::int64_t>(heads, 1); head += fit) {
        Cells cells{part, layer, {head, heads == 0 ? 0 : std::min(fit, heads - head)}, {}};
        for (std::int64_t i = 0; i < std::max<std::int64_t>(cells.heads.count, 1); ++i) {
          cells.index.push_back(context_.grid.index({layer, before + head + i, group.pos}));
        }
        all.push_back(std::move(cells));
      }
      before += std::max<std::int64_t>(heads, 1);
    }
  }
  return all;
}

std::vector<std::vector<SweepBatch::Cells>> SweepBatch::batches_of(const ColumnGroup& group) const {
  std::vector<std::vector<Cells>> batches;
  std::int64_t rows = 0;
  for (Cells& cells : cells_of(group)) {
    const std::int64_t more = static_cast<std::int64_t>(cells.index.size()) * batch_.rows();
    if (batches.empty() || rows + more > context_.plan.batch_rows) {
      batches.emplace_back();
      rows = 0;
    }
    batches.back().push_back(std::move(cells));
    rows += more;
  }
  return batches;
}

bool SweepBatch::any_wanted(const std::vector<Cells>& together) const {
  return std::any_of(together.begin(), together.end(), [&](const Cells& cells) {
    return std::any_of(cells.index.begin(), cells.index.end(), [&](std::int64_t cell) {
      return std::any_of(batch_.items.begin(), batch_.items.end(), [&](std::int64_t item) {
        return context_.wanted(cell, item);
      });
    });
  });
}

ChangeInput SweepBatch::input_of(const ColumnGroup& group) {
  const RunValues& run = runs().of(context_.spec.into);  // and the replacement with it
  ChangeInput in{.model = context_.model,
                 .run = run,
                 .replacement = replacements_.front(),
                 .layout = batch_.layout(),
                 .kept_from = columns_.kept_from,
                 .changed = group.changed.to(to_torch(context_.model.device()))};
  in.layout.past = group.first;
  in.layout.columns = batch_.columns() - group.first;
  return in;
}

std::int64_t SweepBatch::blocks_of(const ColumnGroup& group) const {
  if (!context_.plain()) {
    return std::ssize(batches_of(group));
  }
  std::int64_t cells = 0;
  for (const Cells& some : cells_of(group)) {
    cells += std::ssize(some.index);
  }
  return cells;
}

// Groups differ in their columns alone.
std::int64_t SweepBatch::blocks() const {
  return columns_.groups.empty() ? 0
                                 : std::ssize(columns_.groups) * blocks_of(columns_.groups.front());
}

bool SweepBatch::run(const BlockRange& blocks) {
  std::int64_t first = 0;
  for (const ColumnGroup& group : columns_.groups) {
    const std::int64_t end = first + blocks_of(group);
    const BlockRange own{std::max(blocks.first, first) - first, std::min(blocks.end, end) - first};
    if (!own.empty() && !(context_.plain() ? run_plain(group, own) : run_group(group, own))) {
      return false;
    }
    first = end;
  }
  return true;
}

bool SweepBatch::run_group(const ColumnGroup& group, const BlockRange& blocks) {
  const auto together = batches_of(group);
  std::unique_ptr<RowRunner> runner;
  std::optional<ChangeInput> in;
  for (std::int64_t block = blocks.first; block < blocks.end; ++block) {
    const std::vector<Cells>& cells = together[static_cast<std::size_t>(block)];
    if (!any_wanted(cells)) {
      continue;
    }
    if (!runner) {
      in.emplace(input_of(group));
      runner = runner_of(context_.spec)
                   .make(context_.model, in->run, columns_.kept_from, batch_, group.first);
    }
    if (!run_together(cells, *runner, *in)) {
      return false;
    }
  }
  return true;
}

bool SweepBatch::run_together(const std::vector<Cells>& together,
                              RowRunner& runner,
                              ChangeInput& in) {
  RowBatch rows(runner, context_.scoring, runs().clean.logits());
  for (const Cells& some : together) {
    if (context_.stopped()) {
      return false;
    }
    add(rows, in, some);
  }
  auto values = rows.run(context_.options.stop);
  if (!values) {
    return false;
  }
  store(std::move(*values));
  return true;
}

void SweepBatch::store(std::vector<ResultStore::Value> values) {
  std::erase_if(values, [&](const auto& v) { return !context_.wanted(v.cell, v.prompt); });
  if (!values.empty()) {
    context_.sink.put(values);
  }
}

ChangedStreams SweepBatch::streams_of(const ChangeInput& in, const Cells& cells) const {
  if (variants_ == 0) {
    return changed_streams(in, cells.layer, cells.heads);
  }
  ChangedStreams all;
  std::vector<Tensor> streams;
  std::vector<Tensor> differs;
  for (std::int64_t i = 0; i < cells.heads.count; ++i) {
    all = changed_streams(
        {.model = in.model,
         .run = in.run,
         .replacement = replacements_[static_cast<std::size_t>(cells.heads.first + i)],
         .site = in.site,
         .layout = in.layout,
         .kept_from = in.kept_from,
         .changed = in.changed},
        cells.layer,
        {});
    streams.push_back(all.streams);
    differs.push_back(all.differs);
  }
  all.streams = at::cat(streams);
  all.differs = at::cat(differs);
  return all;
}

void SweepBatch::add(RowBatch& rows_together, ChangeInput& in, const Cells& cells) {
  in.site = context_.spec.parts[cells.part].site;
  if (!runner_of(context_.spec).reaches(in.site, cells.layer)) {
    const auto count = static_cast<std::int64_t>(cells.index.size());
    members_of(cells, at::zeros({count, batch_.rows()}, at::kBool));
    return;
  }
  const ChangedStreams changed = streams_of(in, cells);
  const std::vector<RowBatch::Member> members = members_of(cells, changed.differs.cpu());
  if (members.empty()) {
    return;
  }
  std::vector<std::int64_t> chosen;
  for (const RowBatch::Member& member : members) {
    const auto at = std::find(cells.index.begin(), cells.index.end(), member.cell);
    chosen.push_back((at - cells.index.begin()) * batch_.rows() + member.row);
  }
  const Tensor index = index_tensor(chosen, changed.streams.device());
  rows_together.add(
      {changed.layer, changed.at, changed.streams.flatten(0, 1).index_select(0, index), {}},
      members);
}

std::vector<RowBatch::Member> SweepBatch::members_of(const Cells& cells, const Tensor& differs) {
  std::vector<RowBatch::Member> members;
  std::vector<ResultStore::Value> same;
  const auto* differ = differs.const_data_ptr<bool>();
  for (const std::int64_t cell : cells.index) {
    for (std::int64_t row = 0; row < batch_.rows(); ++row) {
      const std::int64_t item = batch_.items[static_cast<std::size_t>(row)];
      if (*differ++) {
        members.push_back({cell, row, item});
      } else {
        same.push_back({cell, item, unchanged_[static_cast<std::size_t>(item)]});
      }
    }
  }
  store(std::move(same));
  return members;
}

bool SweepBatch::run_plain(const ColumnGroup& group, const BlockRange& blocks) {
  std::int64_t block = 0;
  for (const Cells& cells : cells_of(group)) {
    for (std::size_t i = 0; i < cells.index.size(); ++i, ++block) {
      const std::int64_t own = cells.heads.first + static_cast<std::int64_t>(i);
      const Cells one{cells.part, cells.layer, {own, 0}, {cells.index[i]}};
      if (block >= blocks.first && block < blocks.end && any_wanted({one}) &&
          !run_cell(one, group)) {
        return false;
      }
    }
  }
  return true;
}

// One cell, of the head or variant `one.heads.first`, by whole passes; false if the sweep was
// stopped.
bool SweepBatch::run_cell(const Cells& one, const ColumnGroup& group) {
  if (context_.stopped()) {
    return false;
  }
  const SweptPart& part = context_.spec.parts[one.part];
  const RowRunnerMaker& runner = runner_of(context_.spec);
  const std::vector<HeadId>& heads = context_.spec.together;
  if (heads.empty() && !runner.reaches(part.site, one.layer)) {
    members_of(one, at::zeros({1, batch_.rows()}, at::kBool));
    return true;
  }
  const BatchRuns& both = runs();
  const std::int64_t own = one.heads.first;
  const PlainLoop loop{context_.model,
                       batch_,
                       both,
                       context_.spec.into,
                       replacements_[static_cast<std::size_t>(variants_ == 0 ? 0 : own)],
                       runner,
                       context_.scoring};
  store(heads.empty() ? loop.run(part.site,
                                 {one.layer, part.heads ? own : -1, group.pos},
                                 one.index[0],
                                 group.changed)
                      : loop.run_together(part.site, heads, one.index[0], group.changed));
  return true;
}

}  // namespace headscope
