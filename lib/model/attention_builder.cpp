#include "lib/model/attention_builder.h"

#include "lib/attention/mask.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

AttentionBuilder::AttentionBuilder(const Model& model, const BatchLayout& layout)
    : model_(model), layout_(layout) {}

const AttentionSpec& AttentionBuilder::spec(std::int64_t layer) const {
  return model_.attention(layer);
}

AttentionInputs AttentionBuilder::inputs(std::int64_t layer, Qkv compared) {
  const AttentionSpec& of_layer = spec(layer);
  Tensor seen_not = hidden(layer);
  const std::int64_t queries = compared.q.size(1);
  if (seen_not.defined() && queries < seen_not.size(2)) {
    seen_not = seen_not.narrow(2, seen_not.size(2) - queries, queries);
  }
  return {.q = std::move(compared.q),
          .k = std::move(compared.k),
          .v = std::move(compared.v),
          .spec = of_layer,
          .hidden = std::move(seen_not),
          .bias = of_layer.key_slopes.defined() ? of_key_places(of_layer) : Tensor(),
          .pads = of_layer.operators.empty() ? Tensor() : pads(layer)};
}

Tensor AttentionBuilder::pads(std::int64_t layer) const {
  if (!layout_.padded()) {
    return {};
  }
  return placed_ != nullptr ? placed_->pads
                            : index_tensor(layout_.pads, to_torch(model_.device(layer)));
}

AttentionInputs AttentionBuilder::inputs(std::int64_t layer, HeadRange heads, Qkv compared) {
  AttentionInputs in = inputs(layer, std::move(compared));
  in.spec = of_heads(in.spec, heads);
  in.bias = in.bias.defined() ? in.bias.narrow(1, heads.first, heads.count) : Tensor();
  return in;
}

Tensor AttentionBuilder::of_key_places(const AttentionSpec& spec) const {
  const at::Device device = spec.key_slopes.device();
  const std::int64_t keys = placed_ == nullptr ? layout_.keys() : placed_keys_;
  Tensor places = at::arange(keys, at::TensorOptions().dtype(at::kLong).device(device));
  if (placed_ != nullptr) {
    places = places - placed_->pads.unsqueeze(1);
  } else if (layout_.padded()) {
    places = places - index_tensor(layout_.pads, device).unsqueeze(1);
  }
  const Tensor slopes = spec.key_slopes.to(at::kBFloat16).view({1, -1, 1, 1});
  return (slopes * places.view({-1, 1, 1, keys})).to(at::kFloat) * spec.scale;
}

const Tensor& AttentionBuilder::hidden(std::int64_t layer) {
  const AttentionSpec& spec = this->spec(layer);
  const at::Device device = to_torch(model_.device(layer));
  const std::tuple key{spec.window, spec.visibility, static_cast<int>(device.index())};
  const auto found = hidden_.find(key);
  if (found != hidden_.end()) {
    return found->second;
  }
  const Tensor made = placed_ == nullptr
                          ? hidden_keys(layout_, spec, device)
                          : hidden_keys(placed_->column, placed_keys_, placed_->pads, spec);
  return hidden_.emplace(key, made).first->second;
}

Tensor hidden_keys(const BatchLayout& layout, const AttentionSpec& spec, const at::Device& device) {
  const bool windowed = spec.window > 0 && layout.keys() > spec.window;
  const bool by_position = is_causal(spec) && layout.past > 0 && layout.columns > 1;
  if (!layout.padded() && !windowed && !by_position) {
    return {};
  }
  const Tensor pads = layout.padded() ? index_tensor(layout.pads, device) : Tensor();
  AttentionSpec visible = spec;
  visible.window = windowed ? spec.window : 0;
  return hidden_keys({layout.past, layout.columns, layout.keys()}, pads, visible, device);
}

AttentionSpec visible_keys(const LayerConfig& layer) {
  return {.window = layer.window, .visibility = layer.visibility};
}

}  // namespace headscope
