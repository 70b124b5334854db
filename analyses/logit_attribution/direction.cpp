#include "analyses/logit_attribution/direction.h"

#include <algorithm>
#include <set>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool lacks_wrong(const TaskItem& item) {
  return item.wrong.empty();
}

// Spreads `total` evenly over the columns of `ids`.
void spread(const std::vector<TokenId>& ids,
            float total,
            const std::vector<std::int64_t>& tokens,
            float* row) {
  for (const TokenId id : ids) {
    const auto column = std::lower_bound(tokens.begin(), tokens.end(), id) - tokens.begin();
    row[column] += total / static_cast<float>(ids.size());
  }
}

}  // namespace

std::string_view to_string(LogitTarget target) {
  return target == LogitTarget::logit_diff ? "logit_diff" : "answer_logit";
}

LogitTarget logit_target(const std::vector<TaskItem>& items, std::optional<LogitTarget> wanted) {
  const bool none = std::all_of(items.begin(), items.end(), lacks_wrong);
  const LogitTarget target =
      wanted.value_or(none ? LogitTarget::answer_logit : LogitTarget::logit_diff);
  const auto without = std::find_if(items.begin(), items.end(), lacks_wrong);
  if (target == LogitTarget::logit_diff && without != items.end()) {
    throw UsageError(
        "logit_diff: item {} has no wrong answers; --metric answer_logit needs none, but is moved "
        "by whatever raises every logit",
        without->id);
  }
  return target;
}

LogitDirection direction_of(const std::vector<TaskItem>& items,
                            const std::vector<std::int64_t>& rows,
                            LogitTarget target) {
  const bool difference = target == LogitTarget::logit_diff;
  std::set<std::int64_t> ids;
  for (const std::int64_t row : rows) {
    const TaskItem& item = items.at(static_cast<std::size_t>(row));
    ids.insert(item.answers.begin(), item.answers.end());
    if (difference) {
      ids.insert(item.wrong.begin(), item.wrong.end());
    }
  }
  LogitDirection direction{{ids.begin(), ids.end()}, {}};
  const auto width = static_cast<std::int64_t>(direction.tokens.size());
  direction.weights = at::zeros({static_cast<std::int64_t>(rows.size()), width}, at::kFloat);
  auto* weights = direction.weights.data_ptr<float>();
  for (const std::int64_t row : rows) {
    const TaskItem& item = items.at(static_cast<std::size_t>(row));
    spread(item.answers, 1.0F, direction.tokens, weights);
    if (difference) {
      spread(item.wrong, -1.0F, direction.tokens, weights);
    }
    weights += width;
  }
  return direction;
}

}  // namespace headscope
