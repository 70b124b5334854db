#include "analyses/steering/controls.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "analyses/steering/applied.h"
#include "hooks/address.h"
#include "lib/base/box_muller.h"
#include "lib/base/error.h"
#include "lib/base/head_id.h"
#include "lib/tensor/ops.h"

namespace headscope {

std::vector<HookPoint> edited_points(const Intervention& edit, const ModelConfig& config) {
  std::vector<HookPoint> points = resolve_hooks(edit.site, config);
  if (edit.layers) {
    std::erase_if(points, [&](HookPoint point) {
      return std::find(edit.layers->begin(), edit.layers->end(), point.layer) == edit.layers->end();
    });
  }
  return points;
}

namespace {

bool of_chosen_heads(const Intervention& edit) {
  return (edit.where.heads || edit.where.kv_heads) && edit.values.empty();
}

std::vector<HeadId> heads_of_edit(const Intervention& edit, const ModelConfig& config) {
  if (edit.where.kv_heads) {
    throw UsageError(
        "{}: random heads stand in for query heads alone; leave kv_heads out, or use "
        "--draws 0",
        edit.site);
  }
  std::vector<HeadId> heads;
  for (const HookPoint point : edited_points(edit, config)) {
    for (const std::int64_t head : *edit.where.heads) {
      heads.push_back({point.layer, head});
    }
  }
  return heads;
}

// Rows along the last axis keep their norms.
Tensor random_like(const Tensor& values, Random& random) {
  Tensor drawn = at::empty(values.sizes(), at::kFloat);
  float* out = drawn.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < drawn.numel(); ++i) {
    const GaussianPair number = gaussian_pair(random);
    out[i] = static_cast<float>(number.radius * std::cos(number.angle));
  }
  const Tensor own = values.to(at::kCPU, at::kFloat).pow(2).sum(-1, true).sqrt();
  return drawn / drawn.pow(2).sum(-1, true).sqrt() * own;
}

// One edit a point, so that each has values of its own.
void add_directions(const Model& model,
                    const Intervention& edit,
                    const NamedValues& named,
                    Random& random,
                    ControlEdits& out) {
  for (const HookPoint point : edited_points(edit, model.config())) {
    const ResolvedValues found = resolved_values(edit, point, named, model.source().weights_hash);
    Intervention here = edit;
    here.site = hook_name(point.site, point.layer);
    here.layers.reset();
    here.values = InterventionValues();
    here.values.name = fmt::format("random {}", out.named.size());
    out.named[here.values.name] = random_like(found.values, random);
    out.edits.push_back(std::move(here));
  }
}

// Heads drawn one after another from those not taken, so that edits do not share one.
void add_heads(const Model& model,
               const Intervention& edit,
               std::vector<HeadId>& free,
               ControlEdits& out) {
  const ModelConfig& config = model.config();
  const std::size_t count = heads_of_edit(edit, config).size();
  if (count > free.size()) {
    throw UsageError("the model has not as many other heads as are changed; use --draws 0");
  }
  const Site site = edited_points(edit, config).front().site;
  const std::vector<HeadId> drawn(free.end() - static_cast<std::ptrdiff_t>(count), free.end());
  free.resize(free.size() - count);
  for (const auto& [layer, heads] : heads_by_layer(drawn)) {
    Intervention here = edit;
    here.site = hook_name(site, static_cast<int>(layer));
    here.layers.reset();
    here.where.heads = heads;
    out.edits.push_back(std::move(here));
  }
}

}  // namespace

std::string ControlKinds::words() const {
  if (whole || (!heads && !directions)) {
    return "none";
  }
  return heads && directions ? "random heads and directions"
         : heads             ? "random heads"
                             : "random directions";
}

ControlKinds control_kinds(const std::vector<Intervention>& edits) {
  ControlKinds kinds;
  for (const Intervention& edit : edits) {
    kinds.heads = kinds.heads || of_chosen_heads(edit);
    kinds.directions = kinds.directions || !edit.values.empty();
    kinds.whole = kinds.whole || (!of_chosen_heads(edit) && edit.values.empty());
  }
  return kinds;
}

ControlEdits random_counterpart(const Model& model,
                                const std::vector<Intervention>& edits,
                                const NamedValues& named,
                                Random& random) {
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  std::set<HeadId> taken;
  for (const Intervention& edit : edits) {
    if (of_chosen_heads(edit)) {
      for (const HeadId& head : heads_of_edit(edit, model.config())) {
        taken.insert(head);
      }
    }
  }
  std::vector<HeadId> free;
  for (const HeadId& head : grid.heads()) {
    if (!taken.contains(head)) {
      free.push_back(head);
    }
  }
  random.shuffle(free);
  ControlEdits out;
  for (const Intervention& edit : edits) {
    if (of_chosen_heads(edit)) {
      add_heads(model, edit, free, out);
    } else if (!edit.values.empty()) {
      add_directions(model, edit, named, random, out);
    } else {
      out.edits.push_back(edit);
    }
  }
  return out;
}

}  // namespace headscope
