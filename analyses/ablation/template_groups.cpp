#include "analyses/ablation/ablation.h"
#include "lib/base/error.h"

namespace headscope {

TemplateGroups::TemplateGroups(const std::vector<TaskItem>& items) {
  std::map<std::pair<std::string, std::size_t>, std::size_t> index;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto key = std::pair(items[i].template_name, items[i].clean.tokens.size());
    const auto [found, fresh] = index.emplace(key, groups_.size());
    if (fresh) {
      groups_.emplace_back();
    }
    groups_[found->second].push_back(static_cast<std::int64_t>(i));
    of_item_.push_back(found->second);
  }
  for (const auto& group : groups_) {
    if (group.size() == 1) {
      const TaskItem& item = items[static_cast<std::size_t>(group.front())];
      throw UsageError(
          "item {} is the only one of template \"{}\" with {} tokens, so nothing stands for it but "
          "itself; make more items, or use --mode zero",
          item.id,
          item.template_name,
          item.clean.tokens.size());
    }
  }
}

}  // namespace headscope
