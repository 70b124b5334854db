#include "analyses/head_detectors/ov_circuit.h"

#include <algorithm>

#include "analyses/head_detectors/token_sample.h"
#include "lib/kernels/linear.h"
#include "lib/model/norm.h"
#include "lib/model/post_norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kOvCircuitRowsAtOnce = 256;  // of logits over the whole vocabulary

Tensor normed_by(const Tensor& x, const NormWeights& norm, const ModelConfig& c, Biases biases) {
  const NormWeights used{norm.gain, biases == Biases::kept ? norm.bias : Tensor()};
  return normalize(x, used, c.norm, c.norm_eps);
}

// Which of `logits` [R, M] are at least as high (low) as the rows' own.
Tensor not_beaten(const Tensor& logits, const Tensor& own, OwnLogits::Side side) {
  const Tensor mine = own.unsqueeze(1);
  return side == OwnLogits::Side::highest ? logits.ge(mine) : logits.le(mine);
}

}  // namespace

Tensor ov_written(const Model& model, std::int64_t layer, const Tensor& streams, Biases biases) {
  const ModelConfig& c = model.config();
  const HeadReading values{layer, HeadInput::v, {0, c.n_kv_heads}, biases, DType::f32};
  const Tensor v = project_heads(model, values, streams.to(at::kFloat));  // [N, n_kv_heads, d_head]
  const Tensor by_head = v.transpose(0, 1).repeat_interleave(c.heads_per_kv(), 0);
  const Tensor out = at::bmm(by_head, model.W_O(layer).to(at::kFloat));
  const NormWeights* norm = post_attention_norm(model, layer);
  return norm == nullptr ? out : normed_by(out, *norm, c, biases);
}

OwnLogits::OwnLogits(const Model& model, Biases biases, std::int64_t screen, std::uint64_t seed)
    : model_(model), biases_(biases) {
  const std::vector<std::int32_t> drawn = sample_tokens(model, screen, seed ^ 0x5C2EE4);
  ids_ = index_tensor({drawn.begin(), drawn.end()}, to_torch(model.device()));
  W_U_ = model.weights().W_U.index_select(0, ids_);
  if (biases == Biases::kept && model.weights().b_U.defined()) {
    b_U_all_ = model.weights().b_U;
    b_U_ = b_U_all_.index_select(0, ids_);
  }
}

Tensor OwnLogits::normed(const Tensor& written) const {
  return normed_by(written, model_.weights().ln_final, model_.config(), biases_)
      .to(to_torch(model_.dtype()));
}

Tensor OwnLogits::own(const Tensor& rows, const Tensor& tokens) const {
  const Tensor directions = model_.weights().W_U.index_select(0, tokens);
  const Tensor logits = (rows.to(at::kFloat) * directions.to(at::kFloat)).sum(-1);
  return b_U_all_.defined() ? logits + b_U_all_.index_select(0, tokens).to(at::kFloat) : logits;
}

Tensor OwnLogits::among(const Tensor& written,
                        const Tensor& tokens,
                        Side side,
                        std::int64_t k) const {
  const Tensor rows = normed(written);
  // A token of the screen that is the row's own does not beat itself, however products round.
  const Tensor others = ids_.unsqueeze(0).ne(tokens.unsqueeze(1));
  const Tensor first = not_beaten(linear_f32(rows, W_U_, b_U_), own(rows, tokens), side);
  Tensor inside = first.logical_and(others).sum(1).lt(k);
  const Tensor left = inside.nonzero().squeeze(1);
  for (std::int64_t begin = 0; begin < left.size(0); begin += kOvCircuitRowsAtOnce) {
    const Tensor some = left.narrow(0, begin, std::min(kOvCircuitRowsAtOnce, left.size(0) - begin));
    const Tensor logits = linear_f32(rows.index_select(0, some), model_.weights().W_U, b_U_all_);
    const Tensor mine = logits.gather(1, tokens.index_select(0, some).unsqueeze(1)).squeeze(1);
    inside.index_put_({some}, not_beaten(logits, mine, side).sum(1).le(k));  // itself too
  }
  return inside;
}

Tensor OwnLogits::rank_from_below(const Tensor& written, const Tensor& tokens) const {
  const Tensor rows = normed(written);
  const Tensor others = ids_.unsqueeze(0).ne(tokens.unsqueeze(1));
  const Tensor logits = linear_f32(rows, W_U_, b_U_);
  const Tensor mine = own(rows, tokens).unsqueeze(1);
  const Tensor below = logits.lt(mine).to(at::kDouble) + logits.eq(mine).to(at::kDouble) / 2;
  const Tensor counted = others.to(at::kDouble);
  return (below * counted).sum(1) / counted.sum(1);
}

}  // namespace headscope
