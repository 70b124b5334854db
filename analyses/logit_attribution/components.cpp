#include "analyses/logit_attribution/components.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

ResultAxis rows_of(const Model& model) {
  ResultAxis axis{"layer", {std::string(kEmbedRow)}};
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    axis.labels.push_back(std::to_string(layer));
  }
  if (has_final_bias(model.weights())) {
    axis.labels.emplace_back(kFinalRow);
  }
  return axis;
}

bool has_any_bias(const Weights& weights) {
  return has_final_bias(weights) || has_embed_bias(weights) ||
         std::any_of(weights.blocks.begin(), weights.blocks.end(), has_attention_bias);
}

ResultAxis component_parts(const Model& model) {
  ResultAxis axis{"part", {}};
  for (std::int64_t head = 0; head < model.config().n_heads; ++head) {
    axis.labels.push_back(std::to_string(head));
  }
  if (has_mlp(model.config())) {
    axis.labels.emplace_back(kMlpPart);
  }
  if (has_any_bias(model.weights())) {
    axis.labels.emplace_back(kBiasPart);
  }
  axis.labels.emplace_back(kTokenPart);
  if (model.config().positions == Positions::learned) {
    axis.labels.emplace_back(kPositionPart);
  }
  return axis;
}

}  // namespace

bool has_attention_bias(const BlockWeights& block) {
  return block.b_O.defined() || block.ln1_post.bias.defined();
}

bool has_embed_bias(const Weights& weights) {
  return weights.ln_embed.bias.defined();
}

bool has_final_bias(const Weights& weights) {
  return weights.ln_final.bias.defined() || weights.b_U.defined();
}

Components::Components(const Model& model) : axes_{rows_of(model), component_parts(model)} {}

std::int64_t Components::of(const Node& node) const {
  const std::int64_t row = node.layer + 1;
  switch (node.kind) {
    case Node::Kind::head:
      return row * axes_[1].size() + node.head;  // heads are the first columns
    case Node::Kind::mlp:
      return cell(row, kMlpPart);
    default:
      throw InternalError("{} is not one component", to_string(node));
  }
}

std::int64_t Components::cell(std::int64_t row, std::string_view part) const {
  const auto& labels = axes_[1].labels;
  const auto found = std::find(labels.begin(), labels.end(), part);
  if (found == labels.end()) {
    throw InternalError("no component of the model is called {}", part);
  }
  return row * axes_[1].size() + (found - labels.begin());
}

}  // namespace headscope
