#include "analyses/sweep/sweep_sink.h"

#include <cmath>
#include <limits>

namespace headscope {

SweepTable::SweepTable(std::int64_t cells, std::int64_t prompts)
    : prompts_(prompts),
      values_(static_cast<std::size_t>(cells * prompts), std::numeric_limits<double>::quiet_NaN()) {
}

bool SweepTable::done(std::int64_t cell, std::int64_t prompt) const {
  return !std::isnan(value(cell, prompt));
}

void SweepTable::put(const std::vector<ResultStore::Value>& values) {
  for (const auto& [cell, prompt, value] : values) {
    values_.at(static_cast<std::size_t>(cell * prompts_ + prompt)) = value;
  }
}

void SweepTable::put_baseline(Run run, const std::vector<double>& per_prompt) {
  (run == Run::clean ? clean_ : corrupted_) = per_prompt;
}

double SweepTable::value(std::int64_t cell, std::int64_t prompt) const {
  return values_.at(static_cast<std::size_t>(cell * prompts_ + prompt));
}

double SweepTable::mean(std::int64_t cell) const {
  double sum = 0.0;
  for (std::int64_t prompt = 0; prompt < prompts_; ++prompt) {
    sum += value(cell, prompt);
  }
  return sum / static_cast<double>(prompts_);
}

}  // namespace headscope
