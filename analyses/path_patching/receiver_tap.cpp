#include "analyses/path_patching/receiver_tap.h"

#include <algorithm>
#include <set>

#include "analyses/sweep/run_values.h"
#include "lib/attention/attention.h"
#include "lib/tensor/ops.h"

namespace headscope {

ReceiverTap::ReceiverTap(const Model& model,
                         std::vector<Input> inputs,
                         Tensor changed,
                         const KvPrefix& prefix)
    : model_(model), inputs_(std::move(inputs)), changed_(std::move(changed)), prefix_(prefix) {}

bool ReceiverTap::has_heads(int layer) const {
  return std::any_of(inputs_.begin(), inputs_.end(), [&](const Input& input) {
    return input.receiver.is_head() && input.receiver.node.layer == layer;
  });
}

Interest ReceiverTap::wants(HookPoint point) const {
  switch (point.site) {
    case Site::q:
    case Site::k:
    case Site::v:
    case Site::rot_q:
    case Site::rot_k:
      return has_heads(point.layer) ? Interest::observe : Interest::none;
    case Site::z:
      return has_heads(point.layer) ? Interest::edit : Interest::none;
    case Site::resid_post:
      return std::any_of(
                 inputs_.begin(),
                 inputs_.end(),
                 [&](const Input& input) { return input.receiver.resid_post == point.layer; })
                 ? Interest::edit
                 : Interest::none;
    default:
      return Interest::none;
  }
}

Tensor ReceiverTap::visit(const Visit& visit, const Tensor& value) {
  const Site site = visit.point.site;
  if (site == Site::resid_post) {
    for (const Input& input : inputs_) {
      if (input.receiver.resid_post == visit.point.layer) {
        return mixed(value, input.value);
      }
    }
  } else if (site == Site::z) {
    return changed_z(visit, value);
  } else if (site == Site::v) {
    v_ = value;
  } else if (site == attention_q_site(visit.config)) {
    q_ = value;
  } else if (site == attention_k_site(visit.config)) {
    k_ = value;
  }
  return value;
}

Tensor ReceiverTap::mixed(const Tensor& own, const Tensor& value) const {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(own.dim()), 1);
  const std::int64_t rows = value.size(0);
  shape[0] = rows;
  shape[1] = own.size(1);
  Tensor out = own.clone();
  out.narrow(0, 0, rows)
      .copy_(at::where(changed_.narrow(0, 0, rows).view(shape), value, own.narrow(0, 0, rows)));
  return out;
}

Tensor ReceiverTap::changed_z(const Visit& visit, const Tensor& z) const {
  Tensor out = z.clone();
  std::set<std::int64_t> heads;
  for (const Input& input : inputs_) {
    if (input.receiver.is_head() && input.receiver.node.layer == visit.point.layer) {
      heads.insert(input.receiver.node.head);
    }
  }
  AttentionBuilder attention(model_, visit.layout);
  for (const std::int64_t head : heads) {
    out.select(2, head).copy_(head_z(attention, visit.point.layer, head));
  }
  return out;
}

// z of one query head on its own keys and values: those it shares are copied for it.
Tensor ReceiverTap::head_z(AttentionBuilder& attention,
                           std::int64_t layer,
                           std::int64_t head) const {
  const std::int64_t group = head / model_.config().heads_per_kv();
  Tensor q = q_.select(2, head);
  Tensor k = k_.select(2, group);
  Tensor v = v_.select(2, group);
  for (const Input& input : inputs_) {
    if (!input.receiver.is_head() || input.receiver.node.layer != layer ||
        input.receiver.node.head != head) {
      continue;
    }
    // Rotated keys come with the prefix's columns in front; only the pass's own change.
    const HeadInput read_as = *input.receiver.input;
    const std::int64_t before = read_as == HeadInput::k ? k.size(1) - q.size(1) : 0;
    Tensor& part = read_as == HeadInput::q ? q : read_as == HeadInput::k ? k : v;
    const Tensor own = mixed(part.narrow(1, before, q.size(1)), input.value);
    part = before > 0 ? at::cat({part.narrow(1, 0, before), own}, 1) : own;
  }
  k = k.unsqueeze(2);
  v = v.unsqueeze(2);
  if (prefix_.columns > 0) {
    const KvPrefix::Entry& kept = prefix_.layers[static_cast<std::size_t>(layer)];
    const KvPrefix one{.layers = {{kept.k.narrow(2, group, 1), kept.v.narrow(2, group, 1)}},
                       .columns = prefix_.columns,
                       .row = prefix_.row};
    const KvPrefix::Entry joined = one.join(0, k.narrow(1, k.size(1) - q.size(1), q.size(1)), v);
    k = joined.k;
    v = joined.v;
  }
  return fused_attention(attention.inputs(layer, {head, 1}, {.q = q.unsqueeze(2), .k = k, .v = v}))
      .select(2, 0);
}

}  // namespace headscope
