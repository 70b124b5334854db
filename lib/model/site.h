// The table of hook points: every named value of the forward pass, with its axes and when it
// exists. Names are TransformerLens's; data, not code: help, docs and tests are printed from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/model/config.h"

namespace headscope {

// In the order the forward pass reaches them.
enum class Site {
  tokens,
  embed,
  pos_embed,
  token_type_embed,
  ln_embed_scale,
  ln_embed_normalized,
  resid_pre,
  attn_in,
  q_input,
  k_input,
  v_input,
  ln1_scale,
  ln1_normalized,
  attn_q_in,
  attn_k_in,
  attn_v_in,
  q,
  k,
  v,
  rot_q,
  rot_k,
  attn_scores,
  pattern,
  z,
  result,
  attn_raw_out,
  ln1_post_scale,
  ln1_post_normalized,
  attn_out,
  resid_mid,
  mlp_in,
  ln2_scale,
  ln2_normalized,
  mlp_block_in,
  mlp_pre,
  mlp_pre_linear,
  mlp_mid,
  mlp_gate,
  mlp_expert_indices,
  mlp_expert_weights,
  mlp_post,
  mlp_raw_out,
  ln2_post_scale,
  ln2_post_normalized,
  mlp_out,
  resid_post,
  normalized_resid_post,
  ln_final_scale,
  ln_final_normalized,
  head_pre,
  ln_head_scale,
  ln_head_normalized,
  unembed_in,
  unembed_out,
};

// expert: one a expert; chosen_expert: one a chosen one, the best first.
enum class Axis {
  batch,
  pos,
  query,
  key,
  head,
  kv_head,
  d_head,
  d_model,
  d_mlp,
  d_vocab,
  one,
  expert,
  chosen_expert
};
std::string_view to_string(Axis axis);

struct SiteInfo {
  Site site;
  std::string_view name;  // without the "blocks.{l}." of block sites
  bool per_block;
  std::vector<Axis> axes;
  std::vector<std::string_view> aliases;  // TransformerBridge's names for the same value
  std::string_view when;                  // the models that have it; empty: all
  std::string_view note;
  bool (*exists)(const ModelConfig&);

  // Index of an axis, or −1.
  [[nodiscard]] int axis(Axis axis) const;
};

std::span<const SiteInfo> all_sites();
const SiteInfo& info(Site site);

// Whether a model has the site at all (SiteInfo::exists), and in this layer: what an MLP is made
// of differs where experts take its place. hook_rot_q and hook_rot_k are in every layer of a model
// that rotates, also in those that turn nothing: they are what is compared.
bool exists(Site site, const ModelConfig& config, int layer);

// True for sites whose values are numbers of things (tokens, experts): they have no gradient.
bool holds_numbers(Site site);

inline constexpr int kNoLayer = -1;  // the layer of sites outside blocks

// "blocks.3.attn.hook_z", "hook_embed".
std::string hook_name(Site site, int layer);

// Every hook point of a model, in forward order.
struct HookPoint {
  Site site;
  int layer = kNoLayer;
  bool operator==(const HookPoint&) const = default;
};
std::vector<HookPoint> hook_points(const ModelConfig& config);

// The size of a fixed axis; nothing for batch, pos, query and key, which the input decides.
std::optional<std::int64_t> axis_size(Axis axis, const ModelConfig& config);

}  // namespace headscope
