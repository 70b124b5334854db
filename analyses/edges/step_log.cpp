#include "analyses/edges/step_log.h"

#include <limits>

namespace headscope {
namespace {

constexpr FileKind kStepLog{.format = "headscope-circuit-steps",
                            .version = 1,
                            .noun = "log of circuits that were run",
                            .source =
                                "`headscope circuit find` and `circuit eval` keep one beside "
                                "what they write; choose another -o",
                            .again = "start again with --overwrite",
                            .form = FileKind::Form::lines};

// JSON has no NaN: null stands for it.
std::optional<std::vector<double>> numbers_of(const Json& line) {
  if (!line.contains("values") || !line["values"].is_array()) {
    return std::nullopt;
  }
  std::vector<double> numbers;
  for (const Json& value : line["values"]) {
    if (!value.is_number() && !value.is_null()) {
      return std::nullopt;
    }
    numbers.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                      : value.get<double>());
  }
  return numbers;
}

}  // namespace

StepLog::StepLog(const std::filesystem::path& path, const Json& identity, IfExists if_exists)
    : path_(path) {
  log_.emplace(path, kStepLog, identity, if_exists);
  for (const Json& line : log_->found()) {
    const auto numbers = numbers_of(line);
    if (!numbers) {
      log_->refuse_line(kept_.size());
    }
    kept_.push_back(*numbers);
  }
}

std::vector<double> StepLog::step(std::size_t size,
                                  const std::function<std::vector<double>()>& compute) {
  if (next_ < kept_.size()) {
    if (kept_[next_].size() != size) {
      log_->refuse_line(next_);
    }
    return kept_[next_++];
  }
  std::vector<double> values = compute();
  if (log_) {
    log_->add({{"values", values}});
  }
  return values;
}

void StepLog::discard() {
  if (log_) {
    log_.reset();
    std::filesystem::remove(path_);
  }
}

}  // namespace headscope
