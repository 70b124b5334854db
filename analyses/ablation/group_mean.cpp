#include <algorithm>

#include "analyses/ablation/ablation.h"
#include "hooks/mean_values.h"
#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

void add_stored(MeanValues& mean,
                const RunSource& from,
                const std::vector<Site>& sites,
                const Batch& batch) {
  const RunValues run(from, batch, {.sites = sites, .first_column = 0, .vocab = {0}});
  for (const Site site : sites) {
    for (int layer = 0; layer < from.model.config().n_layers; ++layer) {
      mean.add({site, layer}, run.at(site, layer), batch.layout());
    }
  }
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
    const std::int64_t length = items_[static_cast<std::size_t>(group.front())].length();
    const std::vector<std::int64_t> lengths(group.size(), length);
    MeanValues mean(sites_, MeanValues::Over::prompts);
    for (const auto& batch : plan_batches(lengths, {.most_tokens = kTokensAtOnce})) {
      std::vector<std::vector<std::int32_t>> prompts;
      for (const std::size_t place : batch) {
        const auto item = static_cast<std::size_t>(group[place]);
        prompts.push_back(items_[item].prompt(over_).tokens);
      }
      const Batch together(prompts);
      if (from_.stored != nullptr) {
        add_stored(mean, from_, sites_, together);
      } else {
        from_.model.forward(together, mean, {.logits = Logits::none});
      }
    }
    for (const Site site : sites_) {
      for (int layer = 0; layer < from_.model.config().n_layers; ++layer) {
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
