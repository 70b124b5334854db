#include "hooks/recorder.h"

#include "hooks/address.h"
#include "hooks/joined.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"
#include "lib/tensor/ops.h"

namespace headscope {

void Recorder::begin(const ModelConfig& config) {
  points_ = resolve_hooks(patterns_, config);
  firing_.expect(points_);
  values_.clear();
}

Tensor Recorder::visit(const Visit& visit, const Tensor& value) {
  firing_.count(visit.point);
  pads_ = visit.layout.pads;
  Recorded& recorded = values_[visit.name()];
  recorded.point = visit.point;
  recorded.chunks.push_back(value);
  return value;
}

std::vector<std::string> Recorder::names() const {
  std::vector<std::string> names;
  for (const HookPoint point : points_) {
    names.push_back(hook_name(point.site, point.layer));
  }
  return names;
}

const Recorder::Recorded& Recorder::find(const std::string& name) const {
  for (const auto& [recorded_name, recorded] : values_) {
    for (const std::string& alias : names_of(recorded.point)) {
      if (alias == name) {
        return recorded;
      }
    }
  }
  throw UsageError("{}: not recorded{}", name, did_you_mean(name, names()));
}

Tensor Recorder::at(const std::string& name, Index index) const {
  const Recorded& recorded = find(name);
  const Site site = recorded.point.site;
  Tensor value = join_chunks(recorded.chunks, site);
  int head = head_axis(site);
  if (index.head >= 0 && (head < 0 || index.head >= value.size(head))) {
    throw UsageError("{}: head {} of {}", name, index.head, head < 0 ? 0 : value.size(head));
  }
  if (index.prompt >= value.size(0)) {
    throw UsageError("{}: prompt {} of {}", name, index.prompt, value.size(0));
  }
  if (index.prompt >= 0) {
    value = one_prompt(value, site, index.prompt, pads_[static_cast<std::size_t>(index.prompt)]);
    --head;
  }
  return index.head >= 0 ? value.select(head, index.head) : value;
}

}  // namespace headscope
