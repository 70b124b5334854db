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
                       const BatchRuns& runs,
                       const std::vector<double>& unchanged)
    : context_(context),
      runs_(runs),
      batch_(runs.batch),
      columns_(swept_columns(context.spec, context.model.config(), batch_, context.task.items)),
      variants_(std::ssize(context.spec.source->variants().labels)),
      replacements_(formed_once(*context.spec.source, runs, variants_)),
      unchanged_(unchanged) {}

std::int64_t SweepBatch::heads_of(const SweptPart& part) const {
  return part.heads ? *axis_size(head_axis_of(part.site), context_.model.config()) : variants_;
}

// Layer by layer and, within one, in the order of the parts: the order in which rows may enter.
std::vector<SweepBatch::Cells> SweepBatch::cells_of(const ColumnGroup& group) const {
  const Grid::Options& grid = context_.grid.options();
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

ChangeInput SweepBatch::input_of(const ColumnGroup& group) const {
  ChangeInput in{.model = context_.model,
                 .run = runs_.of(context_.spec.into),
                 .replacement = replacements_.front(),
                 .layout = batch_.layout(),
                 .kept_from = columns_.kept_from,
                 .changed = group.changed.to(to_torch(context_.model.device()))};
  in.layout.past = group.first;
  in.layout.columns = batch_.columns() - group.first;
  return in;
}

bool SweepBatch::run() {
  return std::all_of(columns_.groups.begin(), columns_.groups.end(), [&](const ColumnGroup& group) {
    return run_group(group);
  });
}

bool SweepBatch::run_group(const ColumnGroup& group) {
  const SweepSpec& spec = context_.spec;
  const auto runner = runner_of(spec).make(
      context_.model, runs_.of(spec.into), columns_.kept_from, batch_, group.first);
  ChangeInput in = input_of(group);
  for (const std::vector<Cells>& cells : batches_of(group)) {
    if (!any_wanted(cells)) {
      continue;
    }
    RowBatch rows_together(*runner, context_.scoring, runs_.clean.logits());
    for (const Cells& some : cells) {
      if (context_.stopped()) {
        return false;
      }
      add(rows_together, in, some);
    }
    auto values = rows_together.run(context_.options.stop);
    if (!values) {
      return false;
    }
    store(std::move(*values));
  }
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

bool SweepBatch::run_plain() {
  for (const ColumnGroup& group : columns_.groups) {
    for (const Cells& cells : cells_of(group)) {
      for (std::size_t i = 0; i < cells.index.size(); ++i) {
        if (context_.stopped()) {
          return false;
        }
        run_plain_cell(group, cells, i);
      }
    }
  }
  return true;
}

void SweepBatch::run_plain_cell(const ColumnGroup& group, const Cells& cells, std::size_t at) {
  const SweptPart& part = context_.spec.parts[cells.part];
  const RowRunnerMaker& runner = runner_of(context_.spec);
  const Cells one{cells.part, cells.layer, {}, {cells.index[at]}};
  if (!any_wanted({one})) {
    return;
  }
  if (!runner.reaches(part.site, cells.layer)) {
    members_of(one, at::zeros({1, batch_.rows()}, at::kBool));
    return;
  }
  const std::int64_t own = cells.heads.first + static_cast<std::int64_t>(at);  // head or variant
  const PlainLoop loop{context_.model,
                       batch_,
                       runs_,
                       context_.spec.into,
                       replacements_[static_cast<std::size_t>(variants_ == 0 ? 0 : own)],
                       runner,
                       context_.scoring};
  store(loop.run(
      part.site, {cells.layer, part.heads ? own : -1, group.pos}, cells.index[at], group.changed));
}

}  // namespace headscope
