#include "cli/sweep/sweep_progress.h"

#include <cmath>

#include <fmt/format.h>

#include "analyses/metric/summary.h"
#include "cli/render/table.h"

namespace headscope {

// In cells: prompts of a cell under way count as parts of it.
void SweepProgressBar::show(const SweepProgress& progress) {
  if (!bar_) {
    bar_.emplace(progress.total / prompts_, Progress::Options{.label = "sweep", .unit = "cells"});
    bar_->begin_at(progress.done / prompts_);
    drawn_ = progress.done / prompts_;
  }
  const std::int64_t cells = progress.done / prompts_;
  bar_->add(cells - drawn_);
  drawn_ = cells;
}

void SweepProgressBar::put(const std::vector<ResultStore::Value>& values) {
  to_.put(values);
  for (const auto& [cell, prompt, value] : values) {
    Sum& sum = open_[cell];
    sum.value += value;
    if (++sum.count < prompts_) {
      continue;
    }
    const double mean = sum.value / static_cast<double>(prompts_);
    open_.erase(cell);
    if (std::abs(mean - unchanged_) > std::abs(strongest_)) {
      strongest_ = mean - unchanged_;
      if (bar_) {
        bar_->note(fmt::format("strongest {} {:+.3f}", grid_.name(grid_.cell(cell)), strongest_));
      }
    }
  }
}

void SweepProgressBar::put_baseline(Run run, const std::vector<double>& per_prompt) {
  to_.put_baseline(run, per_prompt);
  if (run == into_) {
    unchanged_ = mean_of(per_prompt);
  }
}

std::unique_ptr<SweepWatch> sweep_progress_bar(const SweepWatch::Of& of) {
  return std::make_unique<SweepProgressBar>(of);
}

}  // namespace headscope
