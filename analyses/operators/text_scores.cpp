#include "analyses/operators/text_scores.h"

#include <algorithm>

#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>

#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kLogProbsAtOnce = 1 << 24;  // numbers: 64 MB of f32

Tensor following(const std::vector<std::int32_t>& tokens, const at::Device& device) {
  return index_tensor({tokens.begin() + 1, tokens.end()}, device);
}

// −ln p of the next token, [R, n] f64.
Tensor surprises(const Tensor& log_probs, const Tensor& next) {
  const Tensor index = next.view({1, -1, 1}).expand({log_probs.size(0), -1, 1});
  return at::gather(log_probs, 2, index).squeeze(2).to(at::kDouble).neg();
}

}  // namespace

TextScores::TextScores(const Model& model,
                       const std::vector<std::int32_t>& tokens,
                       const Tensor& stream)
    : model_(model), next_(following(tokens, stream.device())), stream_(stream) {
  const std::int64_t predicted = next_.size(0);
  const std::int64_t step = std::max<std::int64_t>(1, kLogProbsAtOnce / model.config().d_vocab);
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < predicted; begin += step) {
    const std::int64_t count = std::min(step, predicted - begin);
    parts.push_back(
        surprises(log_probs(stream.narrow(1, begin, count)), next_.narrow(0, begin, count)));
  }
  nll_ = at::cat(parts, 1).squeeze(0);
  unchanged_ = nll_.mean().item<double>();
}

Tensor TextScores::log_probs(const Tensor& streams) const {
  const std::int64_t rows = streams.size(0);
  const Resume end{.layout = {.rows = rows,
                              .columns = streams.size(1),
                              .past = 0,
                              .total = streams.size(1),
                              .pads = std::vector<std::int64_t>(static_cast<std::size_t>(rows))},
                   .residual = streams,
                   .layer = model_.config().n_layers};
  return at::log_softmax(model_.resume(end, {.logits = Logits::all}).logits, -1);
}

std::vector<TextScore> TextScores::of(const Tensor& rows, std::int64_t first) const {
  const std::int64_t predicted = next_.size(0);
  const auto options = rows.options().dtype(at::kDouble);
  // What lies before `first` is the model's own.
  Tensor nll = nll_.narrow(0, 0, std::min(first, predicted)).sum().expand({rows.size(0)}).clone();
  Tensor kl = at::zeros({rows.size(0)}, options);
  const std::int64_t v = model_.config().d_vocab;
  const std::int64_t step = std::clamp<std::int64_t>(kLogProbsAtOnce / v, 1, 256);
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, kLogProbsAtOnce / (v * step));
  for (std::int64_t begin = first; begin < predicted; begin += step) {
    const std::int64_t count = std::min(step, predicted - begin);
    const Tensor own = log_probs(stream_.narrow(1, begin, count));
    const Tensor p = own.exp();
    for (std::int64_t row = 0; row < rows.size(0); row += rows_at_once) {
      const std::int64_t some = std::min(rows_at_once, rows.size(0) - row);
      const Tensor other = log_probs(rows.narrow(0, row, some).narrow(1, begin - first, count));
      nll.narrow(0, row, some).add_(surprises(other, next_.narrow(0, begin, count)).sum(1));
      kl.narrow(0, row, some).add_((p * (own - other)).sum(-1).to(at::kDouble).sum(1));
    }
  }
  const Tensor nll_cpu = nll.cpu(), kl_cpu = kl.cpu();
  std::vector<TextScore> scores(static_cast<std::size_t>(rows.size(0)));
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto n = static_cast<double>(predicted);
    scores[i] = {nll_cpu.const_data_ptr<double>()[i] / n, kl_cpu.const_data_ptr<double>()[i] / n};
  }
  return scores;
}

}  // namespace headscope
