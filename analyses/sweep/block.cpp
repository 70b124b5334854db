#include "analyses/sweep/block.h"

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

Block block_of(const std::vector<TaskItem>& items, const std::vector<std::int64_t>& rows) {
  std::vector<std::vector<std::int32_t>> clean;
  std::vector<std::vector<std::int32_t>> corrupted;
  std::int64_t tail = 0;
  for (const std::int64_t row : rows) {
    const TaskItem& item = items[static_cast<std::size_t>(row)];
    clean.push_back(item.clean.tokens);
    corrupted.push_back(item.corrupted.tokens);
    tail = std::max(tail, differing_tail(item));
  }
  Block block{rows, Batch(clean), Batch(corrupted)};
  block.first_difference = block.columns() - tail;
  return block;
}

}  // namespace

std::vector<Block> blocks_of(const std::vector<TaskItem>& items, std::int64_t most_tokens) {
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
  std::vector<Block> blocks;
  const BatchPlanOptions plan{.most_tokens = most_tokens, .padding = Padding::quarter_of_batch};
  for (const auto& rows : plan_batches(lengths, std::move(order), plan)) {
    blocks.push_back(block_of(items, {rows.begin(), rows.end()}));
  }
  return blocks;
}

}  // namespace headscope
