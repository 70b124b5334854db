// Into the residual stream and out of it.
#include "lib/kernels/linear.h"
#include "lib/model/pass.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr Site kFinalSites[] = {
    Site::ln_final_scale, Site::ln_final_normalized, Site::unembed_in, Site::unembed_out};

// Shows what the final norm and the unembedding make of every position. The logits, a product as
// large as a layer or more, are formed only if somebody wants them.
Tensor shown_logits(Pass& pass, const Tensor& resid, bool any_edit) {
  const Tensor normed = run_norm(pass,
                                 {Site::ln_final_scale, Site::ln_final_normalized},
                                 kNoLayer,
                                 pass.weights.ln_final,
                                 resid);
  const Tensor in = pass.see(Site::unembed_in, kNoLayer, normed);
  if (!any_edit && !pass.wanted(Site::unembed_out)) {
    return {};
  }
  return pass.see(Site::unembed_out, kNoLayer, linear_f32(in, pass.weights.W_U, pass.weights.b_U));
}

// The same without showing anything, for a part of the positions and of the vocabulary.
Tensor quiet_logits(Pass& pass, const Tensor& resid, const std::vector<std::int64_t>& vocab) {
  NoTap nobody;
  const Weights& weights = pass.weights;
  Pass quiet = pass.with(nobody);
  const Tensor normed = run_norm(
      quiet, {Site::ln_final_scale, Site::ln_final_normalized}, kNoLayer, weights.ln_final, resid);
  if (vocab.empty()) {
    return linear_f32(normed, weights.W_U, weights.b_U);
  }
  const Tensor ids = index_tensor(vocab, pass.device);
  const Tensor bias = weights.b_U.defined() ? weights.b_U.index_select(0, ids) : Tensor();
  return linear_f32(normed, weights.W_U.index_select(0, ids), bias);
}

Tensor select_vocab(const Tensor& logits, const std::vector<std::int64_t>& vocab) {
  std::vector<Tensor> columns;
  for (const std::int64_t id : vocab) {
    columns.push_back(logits.select(-1, id));
  }
  return vocab.empty() ? logits : at::stack(columns, -1);
}

}  // namespace

Tensor run_embed(Pass& pass, const Tensor& tokens) {
  const Tensor ids = pass.see(Site::tokens, kNoLayer, tokens);
  Tensor embedded = at::embedding(pass.weights.W_E, ids);
  if (pass.config.embed_scale != 1.0) {
    // Gemma rounds the factor to the weights' dtype before multiplying.
    embedded = embedded * at::scalar_tensor(pass.config.embed_scale, embedded.options());
  }
  Tensor resid = pass.see(Site::embed, kNoLayer, embedded.to(at::kFloat));
  if (pass.config.positions == Positions::learned) {
    const std::int64_t first = pass.config.first_position_row;
    const Tensor rows = pass.weights.W_pos.narrow(0, first, pass.weights.W_pos.size(0) - first);
    const Tensor positions =
        at::embedding(rows, pass.position_ids()).expand({resid.size(0), -1, -1});
    resid = resid + pass.see(Site::pos_embed, kNoLayer, positions);
  }
  if (!pass.config.embed_norm) {
    return resid;
  }
  return run_norm(pass,
                  {Site::ln_embed_scale, Site::ln_embed_normalized},
                  kNoLayer,
                  pass.weights.ln_embed,
                  resid)
      .to(at::kFloat);
}

Tensor run_unembed(Pass& pass, const Tensor& resid, const ForwardOptions& options) {
  bool edited = false;
  bool wanted = false;
  for (const Site site : kFinalSites) {
    edited = edited || pass.edited(site);
    wanted = wanted || pass.wanted(site);
  }
  const bool last = options.logits == Logits::last;
  const Tensor full = wanted ? shown_logits(pass, resid, edited) : Tensor();
  if (options.logits == Logits::none) {
    return {};
  }
  const auto cut = [&](const Tensor& x) { return last ? x.narrow(1, x.size(1) - 1, 1) : x; };
  Tensor logits = edited ? select_vocab(cut(full), options.vocab)
                         : quiet_logits(pass, cut(resid), options.vocab);
  logits = (last ? logits.squeeze(1) : logits).to(at::kFloat);
  if (pass.config.logit_softcap > 0) {
    const double cap = pass.config.logit_softcap;
    logits = (logits / cap).tanh_() * cap;
  }
  return logits;
}

}  // namespace headscope
