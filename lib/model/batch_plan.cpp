#include "lib/model/batch_plan.h"

#include <algorithm>
#include <numeric>

#include "lib/model/batch.h"

namespace headscope {
namespace {

// The batch being filled.
struct OpenBatch {
  std::int64_t rows = 0;
  std::int64_t shortest = 0;
  std::int64_t tokens = 0;  // without padding
};

// Lengths come in ascending order: `length` would be the batch's.
bool padding_allows(Padding padding, const OpenBatch& batch, std::int64_t length) {
  switch (padding) {
    case Padding::none:
      return length == batch.shortest;
    case Padding::quarter_of_prompt:
      return length <= batch.shortest * 5 / 4;
    case Padding::quarter_of_batch:
      return 4 * (batch.rows + 1) * length <= 5 * (batch.tokens + length);
    case Padding::any:
      break;
  }
  return true;
}

}  // namespace

std::vector<std::vector<std::size_t>> plan_batches(const std::vector<std::int64_t>& lengths,
                                                   std::vector<std::size_t> order,
                                                   const BatchPlanOptions& options) {
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return lengths.at(a) < lengths.at(b);
  });
  std::vector<std::vector<std::size_t>> batches;
  OpenBatch open;
  for (const std::size_t prompt : order) {
    const std::int64_t length = lengths.at(prompt);
    if (batches.empty() || (open.rows + 1) * length > options.most_tokens ||
        !padding_allows(options.padding, open, length)) {
      batches.emplace_back();
      open = {.rows = 0, .shortest = length, .tokens = 0};
    }
    batches.back().push_back(prompt);
    ++open.rows;
    open.tokens += length;
  }
  return batches;
}

std::vector<std::vector<std::size_t>> plan_batches(const std::vector<std::int64_t>& lengths,
                                                   const BatchPlanOptions& options) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return plan_batches(lengths, std::move(order), options);
}

std::vector<std::int64_t> lengths_of(const BatchLayout& layout) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t row = 0; row < layout.rows; ++row) {
    lengths.push_back(layout.length(row));
  }
  return lengths;
}

}  // namespace headscope
