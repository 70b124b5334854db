#include "analyses/sweep/row_batch.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor rows_of(const std::vector<RowBatch::Member>& members, const at::Device& device) {
  std::vector<std::int64_t> rows;
  for (const RowBatch::Member& member : members) {
    rows.push_back(member.row);
  }
  return index_tensor(rows, device);
}

}  // namespace

void RowBatch::add(ResidualRows entering, const std::vector<Member>& members) {
  entering.row = rows_of(members, entering.streams.device());
  entering_.push_back(std::move(entering));
  members_.insert(members_.end(), members.begin(), members.end());
}

std::optional<std::vector<ResultStore::Value>> RowBatch::run(
    const std::function<bool()>& stop) const {
  std::vector<ResultStore::Value> values;
  if (members_.empty()) {
    return values;
  }
  const auto logits = runner_.logits(entering_, scoring_.vocab(), stop);
  if (!logits) {
    return std::nullopt;
  }
  std::vector<std::int64_t> items;
  for (const Member& member : members_) {
    items.push_back(member.item);
  }
  const Tensor clean = scoring_.metric().needs_clean
                           ? clean_.index_select(0, rows_of(members_, clean_.device()))
                           : Tensor();
  const std::vector<double> scored = scoring_.values(*logits, items, clean);
  for (std::size_t i = 0; i < scored.size(); ++i) {
    values.push_back({members_[i].cell, members_[i].item, scored[i]});
  }
  return values;
}

}  // namespace headscope
