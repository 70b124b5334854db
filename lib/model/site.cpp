#include "lib/model/site.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace headscope {

std::string_view to_string(Axis axis) {
  static constexpr std::array<std::string_view, 13> kNames{"batch",
                                                           "pos",
                                                           "query",
                                                           "key",
                                                           "head",
                                                           "kv_head",
                                                           "d_head",
                                                           "d_model",
                                                           "d_mlp",
                                                           "d_vocab",
                                                           "one",
                                                           "expert",
                                                           "chosen_expert"};
  return kNames[static_cast<std::size_t>(axis)];
}

int SiteInfo::axis(Axis wanted) const {
  const auto found = std::find(axes.begin(), axes.end(), wanted);
  return found == axes.end() ? -1 : static_cast<int>(found - axes.begin());
}

const SiteInfo& info(Site site) {
  return all_sites()[static_cast<std::size_t>(site)];
}

bool exists(Site site, const ModelConfig& config, int layer) {
  if (!info(site).exists(config)) {
    return false;
  }
  switch (site) {
    case Site::mlp_pre:
    case Site::mlp_pre_linear:
    case Site::mlp_post:
      return !has_experts(config, layer);
    case Site::mlp_gate:
    case Site::mlp_expert_weights:
    case Site::mlp_expert_indices:
      return has_experts(config, layer);
    default:
      return true;
  }
}

bool holds_numbers(Site site) {
  return site == Site::tokens || site == Site::mlp_expert_indices;
}

std::string hook_name(Site site, int layer) {
  const SiteInfo& row = info(site);
  return row.per_block ? fmt::format("blocks.{}.{}", layer, row.name) : std::string(row.name);
}

std::vector<HookPoint> hook_points(const ModelConfig& config) {
  std::vector<HookPoint> points;
  const auto add = [&](bool per_block, int layer, Site from, Site to) {
    for (const SiteInfo& row : all_sites()) {
      if (row.per_block == per_block && exists(row.site, config, layer) && row.site >= from &&
          row.site <= to) {
        points.push_back({row.site, layer});
      }
    }
  };
  add(false, kNoLayer, Site::tokens, Site::ln_embed_normalized);
  for (int layer = 0; layer < config.n_layers; ++layer) {
    add(true, layer, Site::resid_pre, Site::normalized_resid_post);
  }
  add(false, kNoLayer, Site::ln_final_scale, Site::unembed_out);
  return points;
}

std::optional<std::int64_t> axis_size(Axis axis, const ModelConfig& c) {
  switch (axis) {
    case Axis::head:
      return c.n_heads;
    case Axis::kv_head:
      return c.n_kv_heads;
    case Axis::d_head:
      return c.d_head;
    case Axis::d_model:
      return c.d_model;
    case Axis::d_mlp:
      return c.d_mlp;
    case Axis::d_vocab:
      return c.d_vocab;
    case Axis::one:
      return 1;
    case Axis::expert:
      return c.experts.count;
    case Axis::chosen_expert:
      return c.experts.chosen;
    default:
      return std::nullopt;
  }
}

}  // namespace headscope
