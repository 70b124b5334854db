#include "analyses/head_detectors/effective_embedding.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/model/memory_need.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr auto kEmbeddedAtOnce = static_cast<std::size_t>(kTokensAtOnce);

// The first block without attention and position.
class MlpAlone final : public Tap {
 public:
  MlpAlone(EffectiveEmbedding::Norm norm, at::Device device) : norm_(norm), device_(device) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    const bool skips = norm_ == EffectiveEmbedding::Norm::skipped;
    switch (point.site) {
      case Site::attn_out:
        return Interest::supply;
      case Site::pos_embed:
        return Interest::edit;
      case Site::mlp_in:
        return skips ? Interest::observe : Interest::none;
      case Site::mlp_block_in:
        return skips ? Interest::edit : Interest::none;
      case Site::mlp_out:
        return Interest::observe;
      default:
        return Interest::none;
    }
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    switch (visit.point.site) {
      case Site::attn_out:
        return at::zeros({visit.layout.rows, visit.layout.columns, visit.config.d_model},
                         at::TensorOptions().dtype(at::kFloat).device(device_));
      case Site::pos_embed:
        return at::zeros_like(value);
      case Site::mlp_in:
        stream_ = value;
        return value;
      case Site::mlp_block_in:
        return stream_.to(value.scalar_type());
      default:
        written = value;
        return value;
    }
  }

  Tensor written;  // by the MLP

 private:
  EffectiveEmbedding::Norm norm_;
  at::Device device_;
  Tensor stream_;
};

Tensor of_some(const Model& model,
               const std::vector<std::vector<std::int32_t>>& prompts,
               const EffectiveEmbedding& which) {
  MlpAlone tap(which.norm, to_torch(model.device()));
  const ForwardOptions first{.logits = Logits::none, .to_layer = 1};
  const Tensor stream = model.forward(Batch(prompts), tap, first).residual;
  const bool mlp = which.part == EffectiveEmbedding::Part::mlp && has_mlp(model.config());
  const Tensor& chosen = mlp ? tap.written : stream;
  return chosen.squeeze(1).to(at::kFloat);
}

}  // namespace

std::string to_string(const EffectiveEmbedding& which) {
  const bool mlp = which.part == EffectiveEmbedding::Part::mlp;
  const bool norm = which.norm == EffectiveEmbedding::Norm::applied;
  return fmt::format("{}MLP0({})", mlp ? "" : "W_E + ", norm ? "LN(W_E)" : "W_E");
}

Tensor effective_embedding(const Model& model,
                           const std::vector<std::int32_t>& tokens,
                           const EffectiveEmbedding& which) {
  std::vector<Tensor> parts;
  for (std::size_t begin = 0; begin < tokens.size(); begin += kEmbeddedAtOnce) {
    std::vector<std::vector<std::int32_t>> prompts;
    for (std::size_t i = begin; i < std::min(begin + kEmbeddedAtOnce, tokens.size()); ++i) {
      prompts.push_back({tokens[i]});
    }
    parts.push_back(of_some(model, prompts, which));
  }
  return at::cat(parts);
}

}  // namespace headscope
