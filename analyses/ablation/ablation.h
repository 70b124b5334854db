// What an ablated value is replaced by: nothing, its mean, or its value in another prompt.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analyses/sweep/value_source.h"
#include "analyses/task/task.h"

namespace headscope {

// Items whose tokens stand for the same things: one template, one length. A mean over them is taken
// position by position (Wang et al. 2022, arXiv:2211.00593, section 4: per template, or it fails).
class TemplateGroups {
 public:
  // Throws UsageError naming a group of one item: its mean, or its partner, would be itself.
  explicit TemplateGroups(const std::vector<TaskItem>& items);

  [[nodiscard]] const std::vector<std::vector<std::int64_t>>& groups() const { return groups_; }
  [[nodiscard]] std::size_t group_of(std::int64_t item) const {
    return of_item_[static_cast<std::size_t>(item)];
  }

 private:
  std::vector<std::vector<std::int64_t>> groups_;
  std::vector<std::size_t> of_item_;
};

// The mean of a site over the items of a group, in the run `over`.
class GroupMean final : public ValueSource {
 public:
  // Runs every item once, or reads its values from a trace, when first asked. `sites` are those
  // that will be asked for; the source and `items` live as long as this.
  GroupMean(const RunSource& from,
            const std::vector<TaskItem>& items,
            Run over,
            const std::vector<Site>& sites);

  [[nodiscard]] std::vector<Site> sites(Run, const std::vector<Site>&) const override { return {}; }
  [[nodiscard]] Replacement of_batch(const BatchRuns& runs) const override {
    return of_items(runs.batch.items);
  }
  // The same for rows of these items. What it returns lives as long as `items`.
  [[nodiscard]] Replacement of_items(const std::vector<std::int64_t>& items) const;
  [[nodiscard]] bool same_before_difference() const override { return false; }

 private:
  using Means = std::map<std::pair<Site, std::int64_t>, std::vector<Tensor>>;  // a group: [len, …]
  [[nodiscard]] Means measured() const;

  RunSource from_;
  const std::vector<TaskItem>& items_;
  Run over_;
  std::vector<Site> sites_;
  TemplateGroups groups_;
  mutable Means means_;  // empty until asked for: a sweep may be checked, or found done, without
};

// The value in another item of the group: a seeded cycle through each, so that no item gets its own
// and each is given once (resample ablation; Chan et al. 2022, causal scrubbing).
class Resample final : public ValueSource {
 public:
  Resample(const RunSource& from,
           const std::vector<TaskItem>& items,
           Run over,
           const std::vector<Site>& sites,
           std::uint64_t seed);

  [[nodiscard]] std::vector<Site> sites(Run, const std::vector<Site>&) const override { return {}; }
  [[nodiscard]] Replacement of_batch(const BatchRuns& runs) const override;
  [[nodiscard]] bool same_before_difference() const override { return false; }

  [[nodiscard]] std::int64_t partner(std::int64_t item) const {
    return partner_[static_cast<std::size_t>(item)];
  }

 private:
  RunSource from_;
  const std::vector<TaskItem>& items_;
  Run over_;
  std::vector<Site> sites_;
  std::vector<std::int64_t> partner_;
};

}  // namespace headscope
