#include "analyses/circuit/copying.h"

#include <algorithm>

#include <ATen/ops/gather.h>

#include "analyses/sweep/positions.h"
#include "analyses/sweep/prompt_batch.h"
#include "analyses/sweep/run_values.h"
#include "lib/base/error.h"
#include "lib/kernels/linear.h"
#include "lib/model/memory_need.h"
#include "lib/model/norm.h"
#include "lib/model/post_norm.h"
#include "lib/model/qkv.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kCopyingRowsAtOnce = 256;  // of logits over the whole vocabulary

struct Named {
  Tensor streams;  // [N, d_model], behind the first block
  Tensor tokens;   // [N] int64
};

// Every occurrence of the spans' tokens in the clean prompts.
Named named_tokens(const Model& model, const Task& task, const std::vector<std::string>& spans) {
  std::vector<Tensor> streams;
  std::vector<Tensor> tokens;
  for (const PromptBatch& batch : prompt_batches(task.items, kTokensAtOnce)) {
    const ForwardOptions first{.logits = Logits::none, .to_layer = 1};
    const Tensor resid = model.forward(batch.clean, first).residual;
    for (const std::string& span : spans) {
      const Tensor chosen = chosen_columns({span}, batch, task.items);
      streams.push_back(resid.index({chosen.to(resid.device())}));
      tokens.push_back(batch.clean.tokens().index({chosen}).to(resid.device()));
    }
  }
  return {at::cat(streams), at::cat(tokens)};
}

// Rows whose own token is among the `top` of `logits`, whichever way ties are broken: a head that
// writes nothing copies nothing.
double hits_in_top(const Tensor& logits, const Tensor& tokens, std::int64_t top) {
  const Tensor own = logits.gather(1, tokens.to(at::kLong).unsqueeze(1));
  const Tensor not_below = logits.lt(own).logical_not().sum(1);  // itself among them
  return not_below.le(top).to(at::kDouble).sum().item<double>();
}

// What the head writes after reading each stream at full weight [N, d_model].
Tensor written(const Model& model, const HeadId& head, const Tensor& streams) {
  const ModelConfig& c = model.config();
  const HeadReading value{head.layer, HeadInput::v, {head.head / c.heads_per_kv(), 1}};
  const Tensor v = project_heads(model, value, streams).squeeze(1);
  const Tensor out = at::matmul(v, model.W_O(head.layer)[head.head]).to(at::kFloat);
  return after_attention_norm(model, head.layer, out);
}

}  // namespace

std::vector<CopyScore> copy_scores(const Model& model,
                                   const Task& task,
                                   const std::vector<HeadId>& heads,
                                   const std::vector<std::string>& spans,
                                   std::int64_t top,
                                   const std::function<bool()>& stop) {
  const ModelConfig& c = model.config();
  if (const std::string why = why_no_sum(c); !why.empty()) {
    throw UsageError("copy scores of a {}: {}", c.family, why);
  }
  const Weights& weights = model.weights();
  const Named named = named_tokens(model, task, spans);
  const auto logits_of = [&](const Tensor& stream) {
    const Tensor normed = normalize(stream, weights.ln_final, c.norm, c.norm_eps);
    return linear_f32(normed.to(to_torch(model.dtype())), weights.W_U, weights.b_U);
  };
  std::vector<CopyScore> scores;
  const std::int64_t rows = named.tokens.size(0);
  for (const HeadId& head : heads) {
    if (stop && stop()) {
      break;
    }
    CopyScore score;
    for (std::int64_t begin = 0; begin < rows; begin += kCopyingRowsAtOnce) {
      const std::int64_t count = std::min(kCopyingRowsAtOnce, rows - begin);
      const Tensor out = written(model, head, named.streams.narrow(0, begin, count));
      const Tensor tokens = named.tokens.narrow(0, begin, count);
      score.copies += hits_in_top(logits_of(out), tokens, top) / static_cast<double>(rows);
      score.suppresses += hits_in_top(logits_of(-out), tokens, top) / static_cast<double>(rows);
    }
    scores.push_back(score);
  }
  return scores;
}

}  // namespace headscope
