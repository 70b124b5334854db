#include "analyses/logit_attribution/batch_shares.h"

#include <limits>

#include <ATen/core/grad_mode.h>

#include "analyses/logit_attribution/readout.h"
#include "analyses/sweep/run_values.h"
#include "lib/kernels/linear.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Takes one pass apart, component by component.
class PassDecomposer {
 public:
  PassDecomposer(const Model& model,
                 const Components& components,
                 const RunValues& run,
                 std::int64_t rows)
      : model_(model),
        components_(components),
        run_(run),
        shares_(at::full(
            {components.size(), rows}, std::numeric_limits<double>::quiet_NaN(), at::kDouble)) {}

  Tensor shares(const LogitDirection& direction) {
    const Readout stream = at_stream(direction);
    add_embeddings(stream);
    for (int layer = 0; layer < model_.config().n_layers; ++layer) {
      const Readout here = moved(stream, to_torch(model_.device(layer)));
      add_attention(here, layer);
      if (has_mlp(model_.config())) {
        put(components_.of(Node::mlp(layer)), read(last(Site::mlp_out, layer), here));
      }
    }
    if (has_final_bias(model_.weights())) {
      put(components_.final_bias(), stream.constant);
    }
    return shares_;
  }

 private:
  // What was kept of a site: the last column, [B, …].
  [[nodiscard]] Tensor last(Site site, int layer) const {
    return run_.at(site, layer).select(1, 0);
  }
  void put(std::int64_t cell, const Tensor& share) { shares_[cell].copy_(share); }

  // The readout of the residual stream behind the last block.
  [[nodiscard]] Readout at_stream(const LogitDirection& direction) const {
    const Weights& weights = model_.weights();
    const Tensor ids = index_tensor(direction.tokens, weights.W_U.device());
    const Tensor mix = direction.weights.to(weights.W_U.device());
    const Tensor vector = at::matmul(mix, weights.W_U.index_select(0, ids).to(at::kFloat));
    Tensor constant = at::zeros({mix.size(0)}, mix.options().dtype(at::kDouble));
    if (weights.b_U.defined()) {
      constant = (mix.to(at::kDouble) * weights.b_U.index_select(0, ids)).sum(1);
    }
    const Norm norm = model_.config().norm;
    const Tensor scale = norm == Norm::none ? Tensor() : last(Site::ln_final_scale, kNoLayer);
    return before_norm({vector, constant}, weights.ln_final, norm, scale);
  }

  void add_embeddings(const Readout& after) {
    Readout stream{after.vector, at::zeros_like(after.constant)};
    if (model_.config().embed_norm) {
      stream = before_norm(stream,
                           model_.weights().ln_embed,
                           model_.config().norm,
                           last(Site::ln_embed_scale, kNoLayer));
    }
    if (has_embed_bias(model_.weights())) {
      put(components_.embed_bias(), stream.constant);
    }
    put(components_.token(), read(last(Site::embed, kNoLayer), stream));
    if (model_.config().positions == Positions::learned) {
      put(components_.position(), read(last(Site::pos_embed, kNoLayer), stream));
    }
  }

  void add_attention(const Readout& stream, int layer) {
    const BlockWeights& block = model_.weights().blocks[static_cast<std::size_t>(layer)];
    Readout out{stream.vector, at::zeros_like(stream.constant)};
    if (const NormWeights* norm = post_attention_norm(model_, layer); norm != nullptr) {
      out = before_norm(out, *norm, model_.config().norm, last(Site::ln1_post_scale, layer));
    }
    // u_h = W_O[h] · readout, then z · u_h: no head's d_model-wide output is ever formed.
    const Tensor z = last(Site::z, layer);  // [B, H, d_head]
    const Tensor u = at::matmul(out.vector, block.W_O.to(at::kFloat)).view(z.sizes());
    const Tensor heads = (z.to(at::kDouble) * u.to(at::kDouble)).sum(-1);  // [B, H]
    shares_.narrow(0, components_.of(Node::of({layer, 0})), heads.size(1)).copy_(heads.t());
    if (has_attention_bias(block)) {
      put(components_.bias(layer),
          block.b_O.defined() ? out.constant + read(block.b_O, out) : out.constant);
    }
  }

  const Model& model_;
  const Components& components_;
  const RunValues& run_;
  Tensor shares_;
};

Tensor along(const Tensor& logits, const LogitDirection& direction) {
  return (logits.to(at::kCPU, at::kDouble) * direction.weights).sum(1);
}

// The logits of `tokens` [B, V′] as the pass that was recorded computed them, before a soft-cap.
Tensor stored_logits(const Model& model,
                     const RunValues& run,
                     const std::vector<std::int64_t>& tokens) {
  const Weights& weights = model.weights();
  const Tensor in = run.at(Site::unembed_in, kNoLayer).select(1, 0);
  const Tensor ids = index_tensor(tokens, weights.W_U.device());
  const Tensor bias = weights.b_U.defined() ? weights.b_U.index_select(0, ids) : Tensor();
  return linear_f32(in.to(weights.W_U.scalar_type()), weights.W_U.index_select(0, ids), bias);
}

}  // namespace

std::vector<Site> attributed_sites(const ModelConfig& config) {
  std::vector<Site> sites{Site::embed, Site::z};
  for (const Site site : {Site::mlp_out,
                          Site::ln_final_scale,
                          Site::pos_embed,
                          Site::ln_embed_scale,
                          Site::ln1_post_scale}) {
    if (info(site).exists(config)) {
      sites.push_back(site);
    }
  }
  return sites;
}

std::vector<Site> attributed_sites_of_trace(const ModelConfig& config) {
  std::vector<Site> sites = attributed_sites(config);
  sites.push_back(Site::unembed_in);
  return sites;
}

BatchShares shares_of(const RunSource& from,
                      const Components& components,
                      const Batch& batch,
                      const LogitDirection& direction) {
  const at::NoGradGuard no_grad;
  const ModelConfig& config = from.model.config();
  const bool stored = from.stored != nullptr;
  const RunValues run(
      from,
      batch,
      {.sites = stored ? attributed_sites_of_trace(config) : attributed_sites(config),
       .first_column = batch.layout().columns - 1,
       .vocab = direction.tokens});
  const Tensor logits = stored ? stored_logits(from.model, run, direction.tokens) : run.logits();
  return {PassDecomposer(from.model, components, run, batch.rows()).shares(direction),
          along(logits, direction)};
}

Tensor target_of(const Model& model, const Batch& batch, const LogitDirection& direction) {
  const RunValues run(model, batch, {.sites = {}, .vocab = direction.tokens});
  return along(run.logits(), direction);
}

}  // namespace headscope
