#include <algorithm>

#include "analyses/ablation/ablation.h"
#include "lib/base/error.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Items of one group and as many as fit a batch.
std::vector<std::vector<std::int64_t>> batches_of(const std::vector<std::int64_t>& group,
                                                  std::int64_t length) {
  std::vector<std::vector<std::int64_t>> batches;
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(1, kTokensAtOnce / length));
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (i % most == 0) {
      batches.emplace_back();
    }
    batches.back().push_back(group[i]);
  }
  return batches;
}

}  // namespace

GroupMean::GroupMean(const RunSource& from,
                     const std::vector<TaskItem>& items,
                     Run over,
                     const std::vector<Site>& sites)
    : from_(from), items_(items), over_(over), sites_(sites), groups_(items) {}

GroupMean::Means GroupMean::measured() const {
  Means means;
  for (const auto& group : groups_.groups()) {
    const TaskItem& first = items_[static_cast<std::size_t>(group.front())];
    const auto length = static_cast<std::int64_t>(first.clean.tokens.size());
    std::map<std::pair<Site, std::int64_t>, Tensor> sums;
    for (const auto& batch : batches_of(group, length)) {
      std::vector<std::vector<std::int32_t>> prompts;
      for (const std::int64_t item : batch) {
        const TaskItem& one = items_[static_cast<std::size_t>(item)];
        prompts.push_back(over_ == Run::clean ? one.clean.tokens : one.corrupted.tokens);
      }
      const RunValues run(
          from_, Batch(prompts), {.sites = sites_, .first_column = 0, .vocab = {0}});
      for (const Site site : sites_) {
        for (std::int64_t layer = 0; layer < from_.model.config().n_layers; ++layer) {
          Tensor& sum = sums[{site, layer}];
          const Tensor more = run.at(site, layer).to(at::kDouble).sum(0);
          sum = sum.defined() ? sum + more : more;
        }
      }
    }
    for (const auto& [key, sum] : sums) {
      means[key].push_back((sum / static_cast<double>(group.size())).to(at::kFloat));
    }
  }
  return means;
}

Replacement GroupMean::of_items(const std::vector<std::int64_t>& items) const {
  if (means_.empty()) {
    means_ = measured();
  }
  return [this, &items](Site site, std::int64_t layer, const Tensor& original) {
    const auto found = means_.find({site, layer});
    if (found == means_.end()) {
      throw InternalError("no mean of {}", hook_name(site, static_cast<int>(layer)));
    }
    // Prompts end in the last column: the mean's last positions stand in the kept columns.
    Tensor out = at::zeros_like(original);
    for (std::int64_t row = 0; row < original.size(0); ++row) {
      const std::int64_t item = items[static_cast<std::size_t>(row)];
      const Tensor& mean = found->second[groups_.group_of(item)];
      const std::int64_t columns = std::min(mean.size(0), original.size(1));
      out[row]
          .narrow(0, original.size(1) - columns, columns)
          .copy_(mean.narrow(0, mean.size(0) - columns, columns));
    }
    return out;
  };
}

}  // namespace headscope
