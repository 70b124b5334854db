#include "analyses/sweep/sweep_block.h"

#include <algorithm>
#include <memory>

#include "analyses/sweep/continuation.h"
#include "analyses/sweep/plain_loop.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

const RowRunnerMaker& runner_of(const SweepSpec& spec) {
  static const GoOn go_on;
  return spec.runner == nullptr ? go_on : *spec.runner;
}

std::int64_t heads_of(const ModelConfig& config, const SweptPart& part) {
  return part.heads ? *axis_size(head_axis_of(part.site), config) : 0;
}

// What the source brings, formed when a cell first asks and kept for the others of the block.
Replacement formed_once(const ValueSource& source, const BlockRuns& runs) {
  return [&source, &runs, formed = std::make_shared<Replacement>()](
             Site site, std::int64_t layer, const Tensor& original) {
    if (!*formed) {
      *formed = source.of_block(runs);
    }
    return (*formed)(site, layer, original);
  };
}

}  // namespace

SweepBlock::SweepBlock(const SweepContext& context,
                       const BlockRuns& runs,
                       const std::vector<double>& unchanged)
    : context_(context),
      runs_(runs),
      block_(runs.block),
      columns_(swept_columns(context.spec, context.model.config(), block_, context.task.items)),
      replacement_(formed_once(*context.spec.source, runs)),
      unchanged_(unchanged) {}

// Layer by layer and, within one, in the order of the parts: the order in which rows may enter.
std::vector<SweepBlock::Cells> SweepBlock::cells_of(const ColumnGroup& group) const {
  const ModelConfig& config = context_.model.config();
  const std::int64_t fit = std::max<std::int64_t>(1, context_.plan.wave_rows / block_.rows());
  std::vector<Cells> all;
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    std::int64_t before = 0;  // heads of the parts before
    for (std::size_t part = 0; part < context_.spec.parts.size(); ++part) {
      const std::int64_t heads = heads_of(config, context_.spec.parts[part]);
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

std::vector<std::vector<SweepBlock::Cells>> SweepBlock::waves_of(const ColumnGroup& group) const {
  std::vector<std::vector<Cells>> waves;
  std::int64_t rows = 0;
  for (Cells& cells : cells_of(group)) {
    const std::int64_t more = static_cast<std::int64_t>(cells.index.size()) * block_.rows();
    if (waves.empty() || rows + more > context_.plan.wave_rows) {
      waves.emplace_back();
      rows = 0;
    }
    waves.back().push_back(std::move(cells));
    rows += more;
  }
  return waves;
}

bool SweepBlock::any_wanted(const std::vector<Cells>& wave) const {
  return std::any_of(wave.begin(), wave.end(), [&](const Cells& cells) {
    return std::any_of(cells.index.begin(), cells.index.end(), [&](std::int64_t cell) {
      return std::any_of(block_.items.begin(), block_.items.end(), [&](std::int64_t item) {
        return context_.wanted(cell, item);
      });
    });
  });
}

ChangeInput SweepBlock::input_of(const ColumnGroup& group) const {
  ChangeInput in{.model = context_.model,
                 .run = runs_.of(context_.spec.into),
                 .replacement = replacement_,
                 .layout = block_.layout(),
                 .kept_from = columns_.kept_from,
                 .changed = group.changed.to(to_torch(context_.model.device()))};
  in.layout.past = group.first;
  in.layout.columns = block_.columns() - group.first;
  return in;
}

bool SweepBlock::run() {
  return std::all_of(columns_.groups.begin(), columns_.groups.end(), [&](const ColumnGroup& group) {
    return run_group(group);
  });
}

bool SweepBlock::run_group(const ColumnGroup& group) {
  const SweepSpec& spec = context_.spec;
  const auto runner = runner_of(spec).make(
      context_.model, runs_.of(spec.into), columns_.kept_from, block_, group.first);
  ChangeInput in = input_of(group);
  for (const std::vector<Cells>& cells : waves_of(group)) {
    if (!any_wanted(cells)) {
      continue;
    }
    Wave wave(*runner, context_.scoring, runs_.clean.logits());
    for (const Cells& some : cells) {
      if (context_.stopped()) {
        return false;
      }
      add(wave, in, some);
    }
    auto values = wave.run(context_.options.stop);
    if (!values) {
      return false;
    }
    store(std::move(*values));
  }
  return true;
}

void SweepBlock::store(std::vector<ResultStore::Value> values) {
  std::erase_if(values, [&](const auto& v) { return !context_.wanted(v.cell, v.prompt); });
  if (!values.empty()) {
    context_.sink.put(values);
  }
}

void SweepBlock::add(Wave& wave, ChangeInput& in, const Cells& cells) {
  in.site = context_.spec.parts[cells.part].site;
  if (!runner_of(context_.spec).reaches(in.site, cells.layer)) {
    const auto count = static_cast<std::int64_t>(cells.index.size());
    members_of(cells, at::zeros({count, block_.rows()}, at::kBool));
    return;
  }
  const ChangedStreams changed = changed_streams(in, cells.layer, cells.heads);
  const std::vector<Wave::Member> members = members_of(cells, changed.differs.cpu());
  if (members.empty()) {
    return;
  }
  std::vector<std::int64_t> chosen;
  for (const Wave::Member& member : members) {
    const auto at = std::find(cells.index.begin(), cells.index.end(), member.cell);
    chosen.push_back((at - cells.index.begin()) * block_.rows() + member.row);
  }
  const Tensor index = index_tensor(chosen, changed.streams.device());
  wave.add({changed.layer, changed.at, changed.streams.flatten(0, 1).index_select(0, index), {}},
           members);
}

std::vector<Wave::Member> SweepBlock::members_of(const Cells& cells, const Tensor& differs) {
  std::vector<Wave::Member> members;
  std::vector<ResultStore::Value> same;
  const auto* differ = differs.const_data_ptr<bool>();
  for (const std::int64_t cell : cells.index) {
    for (std::int64_t row = 0; row < block_.rows(); ++row) {
      const std::int64_t item = block_.items[static_cast<std::size_t>(row)];
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

bool SweepBlock::run_plain() {
  const RowRunnerMaker& runner = runner_of(context_.spec);
  const PlainLoop loop{
      context_.model, block_, runs_, context_.spec.into, replacement_, runner, context_.scoring};
  for (const ColumnGroup& group : columns_.groups) {
    for (const Cells& cells : cells_of(group)) {
      const SweptPart& part = context_.spec.parts[cells.part];
      for (std::size_t i = 0; i < cells.index.size(); ++i) {
        const std::int64_t head =
            part.heads ? cells.heads.first + static_cast<std::int64_t>(i) : -1;
        if (context_.stopped()) {
          return false;
        }
        const Cells one{cells.part, cells.layer, {}, {cells.index[i]}};
        if (!any_wanted({one})) {
          continue;
        }
        if (!runner.reaches(part.site, cells.layer)) {
          members_of(one, at::zeros({1, block_.rows()}, at::kBool));
          continue;
        }
        auto values =
            loop.run(part.site, {cells.layer, head, group.pos}, cells.index[i], group.changed);
        store(std::move(values));
      }
    }
  }
  return true;
}

}  // namespace headscope
