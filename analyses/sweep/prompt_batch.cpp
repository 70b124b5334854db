#include "analyses/sweep/prompt_batch.h"

#include <algorithm>
#include <numeric>

#include "lib/base/error.h"
#include "lib/model/batch_plan.h"

namespace headscope {
namespace {

// Tokens from the first one that differs to the end.
std::int64_t differing_tail(const TaskItem& item) {
  const auto& clean = item.clean.tokens;
  const auto found = std::mismatch(clean.begin(), clean.end(), item.corrupted.tokens.begin());
  return clean.end() - found.first;
}

PromptBatch prompt_batch_of(const std::vector<TaskItem>& items,
                            const std::vector<std::int64_t>& rows) {
  std::vector<std::vector<std::int32_t>> clean;
  std::vector<std::vector<std::int32_t>> corrupted;
  std::vector<std::int64_t> read_at;
  std::int64_t tail = 0;
  for (const std::int64_t row : rows) {
    const TaskItem& item = items[static_cast<std::size_t>(row)];
    clean.push_back(item.clean.tokens);
    corrupted.push_back(item.corrupted.tokens);
    tail = std::max(tail, differing_tail(item));
    if (item.read_at >= 0) {
      read_at.push_back(item.read_at);
    }
  }
  PromptBatch batch{rows, Batch(clean), Batch(corrupted)};
  if (!read_at.empty()) {
    batch.clean.read_at(read_at);
    batch.corrupted.read_at(read_at);
  }
  batch.first_difference = batch.columns() - tail;
  return batch;
}

}  // namespace

std::vector<PromptBatch> prompt_batches(const std::vector<TaskItem>& items,
                                        std::int64_t most_tokens) {
  if (items.empty()) {
    throw UsageError("the task has no prompts");
  }
  std::vector<std::int64_t> lengths;
  for (const TaskItem& item : items) {
    lengths.push_back(item.length());
  }
  // Of one length, those that differ late come first: what a batch may skip is what all its
  // prompts have in common.
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return differing_tail(items[a]) < differing_tail(items[b]);
  });
  std::vector<PromptBatch> batches;
  const BatchPlanOptions plan{.most_tokens = most_tokens, .padding = Padding::quarter_of_batch};
  for (const auto& rows : plan_batches(lengths, std::move(order), plan)) {
    batches.push_back(prompt_batch_of(items, {rows.begin(), rows.end()}));
  }
  return batches;
}

}  // namespace headscope
