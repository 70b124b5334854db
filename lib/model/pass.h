// One forward pass under way: what every part of a block needs, and the way it shows its values.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "lib/model/attention_builder.h"
#include "lib/model/model.h"
#include "lib/model/rotary.h"

namespace headscope {

class Pass {
 public:
  // `model` outlives it.
  Pass(const Model& model,
       const BatchLayout& layout,
       Tap& tap,
       KvCache* cache,
       const KvPrefix* prefix = nullptr);

  const ModelConfig& config;
  const Weights& weights;
  const BatchLayout& layout;
  KvCache* const cache;
  const KvPrefix* const prefix;
  AttentionBuilder attention;  // of this pass's layout
  const at::Device device;     // where tokens enter and logits come out
  // What matrices multiply in. The residual stream is f32 in every dtype: the outliers it carries
  // (norms of 25,000 at SmolLM2's first token) would drown what later layers add in 16 bits.
  const at::ScalarType dtype;

  [[nodiscard]] bool wanted(Site site, int layer = kNoLayer) const {
    return tap_.wants({site, layer}) != Interest::none;
  }
  [[nodiscard]] bool edited(Site site, int layer = kNoLayer) const {
    return tap_.wants({site, layer}) >= Interest::edit;
  }
  [[nodiscard]] bool attention_wanted(int layer) const { return tap_.wants_attention(layer); }
  void show_attention(int layer, const AttentionInputs& in) {
    tap_.visit_attention({{Site::pattern, layer}, layout, config}, in);
  }
  // Whether all that edits the layer's scores does so by its inputs.
  [[nodiscard]] bool scores_changed_fused(int layer) const {
    // An operator takes scores as the edit left them on the fused path, so edits run explicitly.
    return edited(Site::attn_scores, layer) && tap_.changes_scores_fused(layer) &&
           attention.spec(layer).operators.empty();
  }
  void change_scores(int layer, AttentionInputs& in) {
    tap_.change_scores({{Site::attn_scores, layer}, layout, config}, in);
  }
  // What the tap brings for hook_attn_out or hook_mlp_out; undefined if it wants it computed.
  [[nodiscard]] Tensor supplied(Site site, int layer);

  // The same pass with somebody else watching.
  [[nodiscard]] Pass with(Tap& tap) const;

  // Shows `value` to the tap if it wants it and returns what to go on with.
  Tensor see(Site site, int layer, const Tensor& value);

  // The layer of which only the last column's queries, and what follows from them, are computed.
  std::int64_t last_position_only_layer = -1;
  [[nodiscard]] bool last_position_only(int layer) const {
    return layer == last_position_only_layer;
  }

  // The pass's one column lies where `at` says, in the room of the cache (Model::decode()).
  void place(const PlacedTokens& at);
  [[nodiscard]] const PlacedTokens* placed() const { return placed_; }

  // Where a layer lies; `device` for kNoLayer.
  [[nodiscard]] at::Device device_of(int layer) const;

  // Of this pass's columns, where `layer` lies.
  [[nodiscard]] const Tensor& position_ids(int layer);    // [B or 1, T] int64
  [[nodiscard]] const Tensor& pads(int layer);            // [B] int64
  [[nodiscard]] const RotaryTable& rotary_of(int layer);  // of its rotary setting

 private:
  Pass(const Pass& other, Tap& tap);

  Tap& tap_;
  const Model& model_;
  const PlacedTokens* placed_ = nullptr;
  // By the index of the GPU they lie on, those of rotations by their setting too.
  std::map<int, Tensor> position_ids_;
  std::map<int, Tensor> pads_;
  std::map<std::pair<int, int>, RotaryTable> rotary_;
};

// The three sites of a norm: divisor, normalised value, and the weights that follow.
struct NormSites {
  Site scale;
  Site normalized;
};

// Normalises x; explicit steps only if a tap edits them. A model without norms shows none of them.
Tensor run_norm(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& x);

// The norm before attention or MLP; `x` itself where blocks normalise elsewhere.
Tensor run_norm_before(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& x);

// A norm of the residual stream itself, which stays f32.
Tensor run_stream_norm(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& x);

// The norm between what attention or the MLP wrote and the stream; the identity where the model has
// none.
Tensor run_post_norm(
    Pass& pass, NormSites sites, int layer, const NormWeights& weights, const Tensor& written);

// Parts of a block, each from the residual stream to its contribution to it. [B, T, d_model].
Tensor run_attention(Pass& pass, int layer, const Tensor& resid);
Tensor run_mlp(Pass& pass, int layer, const Tensor& resid);
// The mixture in place of an MLP's products, from the normalised stream to f32.
Tensor run_experts(Pass& pass, int layer, const Tensor& in);
Tensor run_block(Pass& pass, int layer, const Tensor& resid);
// The rest of a sequential block, from hook_resid_mid on.
Tensor run_block_from_mid(Pass& pass, int layer, const Tensor& mid);

Tensor run_embed(Pass& pass, const Tensor& tokens);
Tensor run_unembed(Pass& pass, const Tensor& resid, const ForwardOptions& options);

}  // namespace headscope
