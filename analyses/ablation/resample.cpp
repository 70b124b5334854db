#include "analyses/ablation/ablation.h"
#include "lib/base/mersenne_random.h"

namespace headscope {

Resample::Resample(const RunSource& from,
                   const std::vector<TaskItem>& items,
                   Run over,
                   const std::vector<Site>& sites,
                   std::uint64_t seed)
    : from_(from), items_(items), over_(over), sites_(sites), partner_(items.size()) {
  MersenneRandom random(seed);
  const TemplateGroups groups(items);
  for (std::vector<std::int64_t> group : groups.groups()) {
    for (std::size_t i = group.size() - 1; i > 0; --i) {  // Fisher and Yates
      std::swap(group[i], group[random.scaled(i + 1)]);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      partner_[static_cast<std::size_t>(group[i])] = group[(i + 1) % group.size()];
    }
  }
}

Replacement Resample::of_batch(const BatchRuns& runs) const {
  std::vector<std::vector<std::int32_t>> prompts;
  for (const std::int64_t item : runs.batch.items) {
    prompts.push_back(items_[static_cast<std::size_t>(partner(item))].prompt(over_).tokens);
  }
  // Partners are of one length, so columns mean the same positions.
  const auto run = std::make_shared<RunValues>(
      from_, Batch(prompts), RunOptions{.sites = sites_, .first_column = 0, .vocab = {0}});
  return [run](Site site, std::int64_t layer, const Tensor& original) {
    const Tensor& other = run->at(site, layer);
    return other.narrow(1, other.size(1) - original.size(1), original.size(1))
        .to(original.scalar_type());
  };
}

}  // namespace headscope
