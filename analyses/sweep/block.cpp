#include "analyses/sweep/block.h"

#include <algorithm>
#include <numeric>

#include "lib/base/error.h"

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
  std::vector<std::int64_t> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const TaskItem& first = items[static_cast<std::size_t>(a)];
    const TaskItem& second = items[static_cast<std::size_t>(b)];
    return std::pair(first.length(), differing_tail(first)) <
           std::pair(second.length(), differing_tail(second));
  });
  std::vector<Block> blocks;
  std::vector<std::int64_t> rows;
  std::int64_t tokens = 0;
  for (const std::int64_t item : order) {
    const std::int64_t length = items[static_cast<std::size_t>(item)].length();
    const std::int64_t padded = (static_cast<std::int64_t>(rows.size()) + 1) * length;
    if (!rows.empty() && (padded > most_tokens || 4 * padded > 5 * (tokens + length))) {
      blocks.push_back(block_of(items, rows));
      rows.clear();
      tokens = 0;
    }
    rows.push_back(item);
    tokens += length;
  }
  blocks.push_back(block_of(items, rows));
  return blocks;
}

}  // namespace headscope
