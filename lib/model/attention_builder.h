// The one place where a layer of a model and the layout of a batch become the inputs of attention:
// the forward pass, statistics, sweeps and path patching all ask here.
#pragma once

#include <map>
#include <tuple>
#include <utility>

#include "lib/attention/attention.h"
#include "lib/model/model.h"
#include "lib/model/placed_tokens.h"

namespace headscope {

// What a layer's heads ask, offer and hand over.
struct Qkv {
  Tensor q;     // [B, T, n_heads, d_head]
  Tensor k, v;  // [B, S, n_kv_heads, d_head]
};

// Of one model and one layout of a batch, both of which outlive it.
class AttentionBuilder {
 public:
  AttentionBuilder(const Model& model, const BatchLayout& layout);

  // `compared` are queries and keys as attention compares them (normalised, rotated). Queries are
  // the layout's columns, or the last few of them; keys and values are all of layout.keys().
  [[nodiscard]] AttentionInputs inputs(std::int64_t layer, Qkv compared);

  // The same of some of the query heads, `compared` being theirs alone.
  [[nodiscard]] AttentionInputs inputs(std::int64_t layer, HeadRange heads, Qkv compared);

  [[nodiscard]] const AttentionSpec& spec(std::int64_t layer) const;

  // From now on the layout's one column lies where `at` says, among `keys` of which those behind it
  // are free. `at` outlives this.
  void place(const PlacedTokens& at, std::int64_t keys) {
    placed_ = &at;
    placed_keys_ = keys;
  }

 private:
  [[nodiscard]] const Tensor& hidden(std::int64_t layer);
  [[nodiscard]] Tensor pads(std::int64_t layer) const;  // [B], undefined: none
  // What AttentionSpec::key_slopes add to scores, [B or 1, n_heads, 1, S].
  [[nodiscard]] Tensor of_key_places(const AttentionSpec& spec) const;

  const Model& model_;
  const BatchLayout& layout_;
  const PlacedTokens* placed_ = nullptr;
  std::int64_t placed_keys_ = 0;
  // By window, visibility and GPU.
  std::map<std::tuple<std::int64_t, Visibility, int>, Tensor> hidden_;
};

// hidden_keys() of a layer for a batch's columns, or undefined where AttentionInputs needs none.
Tensor hidden_keys(const BatchLayout& layout, const AttentionSpec& spec, const at::Device& device);

// The part of a layer's spec that hidden_keys() asks: for taps, which see a config and no model.
AttentionSpec visible_keys(const LayerConfig& layer);

}  // namespace headscope
