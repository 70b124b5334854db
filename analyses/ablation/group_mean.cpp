#include "analyses/ablation/ablation.h"
#include "hooks/mean_values.h"
#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
GroupMean::GroupMean(const Model& model,
                     const std::vector<TaskItem>& items,
                     Run over,
                     const std::vector<Site>& sites)
    : model_(model), items_(items), over_(over), sites_(sites), groups_(items) {}

GroupMean::Means GroupMean::measured() const {
  Means means;
  for (const auto& group : groups_.groups()) {
    const std::int64_t length = items_[static_cast<std::size_t>(group.front())].length();
    const std::vector<std::int64_t> lengths(group.size(), length);
    MeanValues mean(sites_, MeanValues::Over::prompts);
    for (const auto& batch : plan_batches(lengths, {.most_tokens = kTokensAtOnce})) {
      std::vector<std::vector<std::int32_t>> prompts;
      for (const std::size_t place : batch) {
        const auto item = static_cast<std::size_t>(group[place]);
        prompts.push_back(items_[item].prompt(over_).tokens);
      }
      model_.forward(Batch(prompts), mean, {.logits = Logits::none});
    }
    for (const Site site : sites_) {
      for (int layer = 0; layer < model_.config().n_layers; ++layer) {
        means[{site, layer}].push_back(mean.mean(site, layer).to(at::kFloat));
      }
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
