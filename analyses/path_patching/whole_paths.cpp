// Paths by whole passes: C and D of path_runner.h as the hooks of one pass each.
#include <algorithm>

#include "analyses/path_patching/path_runner.h"
#include "analyses/path_patching/receiver_tap.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A key or value that other query heads read too: one head's view of it is no hook's value.
bool is_view(const Receiver& receiver, const ModelConfig& config) {
  return config.heads_per_kv() > 1 && receiver.is_head() && receiver.input != HeadInput::q;
}

HookPoint point_of(const Receiver& receiver, const ModelConfig& config) {
  const auto layer = static_cast<int>(receiver.layer());
  if (!receiver.is_head()) {
    return {Site::resid_post, layer};
  }
  switch (*receiver.input) {
    case HeadInput::q:
      return {attention_q_site(config), layer};
    case HeadInput::k:
      return {attention_k_site(config), layer};
    case HeadInput::v:
      break;
  }
  return {Site::v, layer};
}

std::string hook_of(const Receiver& receiver, const ModelConfig& config) {
  const HookPoint point = point_of(receiver, config);
  return hook_name(point.site, point.layer);
}

Selection selection_of(const Receiver& receiver, const ModelConfig& config) {
  if (!receiver.is_head()) {
    return {};
  }
  return receiver.input == HeadInput::q
             ? Selection{.heads = {{receiver.node.head}}}
             : Selection{.kv_heads = {{receiver.node.head / config.heads_per_kv()}}};
}

// z, and MLP outputs if they are frozen, as in the unchanged run.
Edits frozen_in(const RunValues& run, const std::vector<Site>& sites) {
  Edits frozen;
  for (const Site site : sites) {
    frozen.at(fmt::format("blocks.*.{}", info(site).name))
        .apply([&run, site](const Visit& visit, const Tensor&) {
          return run.at(site, visit.point.layer);
        });
  }
  return frozen;
}

// `received` is what C showed; `columns` [B, T] bool says where it takes its place.
Edits receiving(const std::vector<Receiver>& receivers,
                const Recorder& received,
                const Tensor& columns,
                const ModelConfig& config) {
  Edits edits;
  for (const Receiver& receiver : receivers) {
    if (is_view(receiver, config)) {
      continue;
    }
    edits.at(hook_of(receiver, config), selection_of(receiver, config))
        .apply([&columns, value = received.at(hook_of(receiver, config))](const Visit&,
                                                                          const Tensor& own) {
          std::vector<std::int64_t> shape(static_cast<std::size_t>(own.dim()), 1);
          shape[0] = columns.size(0);
          shape[1] = columns.size(1);
          return at::where(columns.view(shape), value, own);
        });
  }
  return edits;
}

std::vector<ReceiverTap::Input> views_of(const std::vector<Receiver>& receivers,
                                         const Recorder& received,
                                         const ModelConfig& config) {
  std::vector<ReceiverTap::Input> inputs;
  for (const Receiver& receiver : receivers) {
    if (is_view(receiver, config)) {
      const Tensor heads = received.at(hook_of(receiver, config));
      inputs.push_back({receiver, heads.select(2, receiver.node.head / config.heads_per_kv())});
    }
  }
  return inputs;
}

}  // namespace

std::vector<Site> Paths::sites_of_whole_run() const {
  return options_.mlps == PathOptions::Mlps::freeze ? std::vector{Site::z, Site::mlp_out}
                                                    : std::vector{Site::z};
}

void Paths::check_whole_run(const Model& model) const {
  if (!model.standing()) {
    return;
  }
  const std::unique_ptr<Tap> change = model.standing()->tap();
  for (const Receiver& receiver : options_.receivers) {
    for (const Site site : {Site::attn_scores, Site::pattern, Site::z}) {
      const HookPoint point{site, static_cast<int>(receiver.layer())};
      if (is_view(receiver, model.config()) && change->wants(point) != Interest::none) {
        throw UsageError(
            "--receiver {}: its head's own view of a shared key or value is attended beside the "
            "pass, where the intervention at {} does not reach; intervene in another layer, or "
            "receive at :q",
            to_string(receiver),
            hook_name(point.site, point.layer));
      }
    }
  }
}

Tensor Paths::whole_run(const WholeRun& in) const {
  const ModelConfig& config = in.model.config();
  const ForwardOptions last{.logits = Logits::last, .vocab = in.vocab};
  Edits frozen = frozen_in(in.run, sites_of_whole_run());
  if (options_.receivers.front().is_logits()) {
    return in.model.forward(in.changed, frozen | in.change, last).logits;
  }
  std::vector<std::string> hooks;
  for (const Receiver& receiver : options_.receivers) {
    hooks.push_back(hook_of(receiver, config));
  }
  Recorder received(std::move(hooks));
  in.model.forward(in.changed, frozen | in.change | received, {.logits = Logits::none});
  const Tensor columns =
      chosen_columns(options_.positions, in.prompts, items_).to(to_torch(in.model.device()));
  Edits edits = receiving(options_.receivers, received, columns, config);
  const KvPrefix nothing_before;
  ReceiverTap views(
      in.model, views_of(options_.receivers, received, config), columns, nothing_before);
  return in.model.forward(in.changed, edits | views, last).logits;
}

}  // namespace headscope
