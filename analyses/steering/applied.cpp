#include "analyses/steering/applied.h"

#include <algorithm>

namespace headscope {

std::map<std::int64_t, std::vector<std::int64_t>> heads_by_layer(const std::vector<HeadId>& heads) {
  std::map<std::int64_t, std::vector<std::int64_t>> layers;
  for (const HeadId& head : heads) {
    layers[head.layer].push_back(head.head);
  }
  for (auto& [layer, list] : layers) {
    std::sort(list.begin(), list.end());
  }
  return layers;
}

std::vector<Intervention> at_heads(const std::vector<HeadId>& heads,
                                   Op op,
                                   double factor,
                                   Site site) {
  std::vector<Intervention> edits;
  for (const auto& [layer, list] : heads_by_layer(heads)) {
    Intervention edit{.site = hook_name(site, static_cast<int>(layer)), .op = op, .factor = factor};
    edit.where.heads = list;
    edits.push_back(std::move(edit));
  }
  return edits;
}

InterventionValues own_values() {
  InterventionValues values;
  values.file = ValuesFile{.kind = ValuesFile::Kind::direction, .path = "."};
  return values;
}

Intervention with_own_values(const std::string& point,
                             const std::vector<std::int64_t>& heads,
                             Op op,
                             double factor) {
  Intervention edit{.site = point, .op = op, .factor = factor};
  if (!heads.empty()) {
    edit.where.heads = heads;
  }
  edit.values = own_values();
  return edit;
}

}  // namespace headscope
