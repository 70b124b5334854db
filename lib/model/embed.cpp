// Into the residual stream and out of it.
#include "lib/kernels/kernels.h"
#include "lib/kernels/linear.h"
#include "lib/model/pass.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr Site kFinalSites[] = {Site::ln_final_scale,
                                Site::ln_final_normalized,
                                Site::head_pre,
                                Site::ln_head_scale,
                                Site::ln_head_normalized,
                                Site::unembed_in,
                                Site::unembed_out};

// What the unembedding reads: the last stream behind the final norm and, of a masked-token head,
// its linear map, activation and norm.
Tensor before_unembed(Pass& pass, const Tensor& resid) {
  const Weights& w = pass.weights;
  const Tensor last = pass.config.has_final_norm
                          ? run_norm(pass,
                                     {Site::ln_final_scale, Site::ln_final_normalized},
                                     kNoLayer,
                                     w.ln_final,
                                     resid)
                          : resid.to(pass.dtype);
  if (pass.config.head == OutputHead::plain) {
    return last;
  }
  const Tensor pre = pass.see(Site::head_pre, kNoLayer, linear(last, w.W_head, w.b_head));
  const Tensor activated = kernels::activate(pre, pass.config.activation);
  return run_norm(
      pass, {Site::ln_head_scale, Site::ln_head_normalized}, kNoLayer, w.ln_head, activated);
}

// Shows what the head and the unembedding make of every position. The logits, a product as
// large as a layer or more, are formed only if somebody wants them.
Tensor shown_logits(Pass& pass, const Tensor& resid, bool any_edit) {
  const Tensor in = pass.see(Site::unembed_in, kNoLayer, before_unembed(pass, resid));
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
  const Tensor in = before_unembed(quiet, resid);
  if (vocab.empty()) {
    return linear_f32(in, weights.W_U, weights.b_U);
  }
  const Tensor ids = index_tensor(vocab, pass.device);
  const Tensor bias = weights.b_U.defined() ? weights.b_U.index_select(0, ids) : Tensor();
  return linear_f32(in, weights.W_U.index_select(0, ids), bias);
}

// The column of each row at which Logits::last are read: x [B, T, d] → [B, 1, d].
Tensor read_columns(const BatchLayout& layout, const Tensor& x) {
  if (layout.read_at.empty()) {
    return x.narrow(1, x.size(1) - 1, 1);
  }
  std::vector<std::int64_t> columns;
  for (std::size_t row = 0; row < layout.read_at.size(); ++row) {
    columns.push_back(layout.read_at[row] + layout.pads[row] - layout.past);
  }
  const Tensor index = index_tensor(columns, x.device()).view({-1, 1, 1});
  return x.gather(1, index.expand({-1, 1, x.size(2)}));
}

Tensor select_vocab(const Tensor& logits, const std::vector<std::int64_t>& vocab) {
  std::vector<Tensor> columns;
  for (const std::int64_t id : vocab) {
    columns.push_back(logits.select(-1, id));
  }
  return vocab.empty() ? logits : at::stack(columns, -1);
}

// The row of W_pos of each token [B or 1, T].
Tensor position_rows(Pass& pass, const Tensor& ids) {
  const std::int64_t first = pass.config.first_position_row;
  if (pass.config.unplaced_token < 0) {
    return first == 0 ? pass.position_ids(kNoLayer) : pass.position_ids(kNoLayer) + first;
  }
  // As RobertaEmbeddings.create_position_ids_from_input_ids() of transformers counts.
  const Tensor columns = at::arange(ids.size(1), ids.options());
  const Tensor placed =
      ids.ne(pass.config.unplaced_token).logical_and(columns.ge(pass.pads(kNoLayer).unsqueeze(1)));
  return placed.cumsum(1) * placed + (first - 1);
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
    const Tensor positions =
        at::embedding(pass.weights.W_pos, position_rows(pass, ids)).expand({resid.size(0), -1, -1});
    resid = resid + pass.see(Site::pos_embed, kNoLayer, positions);
  }
  if (pass.config.n_token_types > 0) {
    const Tensor type = pass.weights.W_type.select(0, 0).to(at::kFloat).expand_as(resid);
    resid = resid + pass.see(Site::token_type_embed, kNoLayer, type);
  }
  if (!pass.config.embed_norm) {
    return resid;
  }
  return run_stream_norm(pass,
                         {Site::ln_embed_scale, Site::ln_embed_normalized},
                         kNoLayer,
                         pass.weights.ln_embed,
                         resid);
}

Tensor run_unembed(Pass& pass, const Tensor& stream, const ForwardOptions& options) {
  const Tensor resid = stream.to(pass.device);
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
  const auto cut = [&](const Tensor& x) { return last ? read_columns(pass.layout, x) : x; };
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
