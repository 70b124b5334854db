#include "analyses/metric/metric.h"

#include <limits>
#include <vector>

#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/scatter.h>

#include "lib/base/named.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// A padded set of columns out of every row: values [R, A], and which of them are real.
struct Picked {
  Tensor values;
  Tensor real;
};

Picked pick(const Tensor& rows, const Tensor& columns) {
  const Tensor on_device = columns.to(rows.device());
  return {at::gather(rows, 1, on_device.clamp_min(0)), on_device.ge(0)};
}

Tensor mean_logit_at(const Tensor& rows, const Tensor& columns) {
  const auto [values, real] = pick(rows.to(at::kDouble), columns);
  return (values * real).sum(1) / real.sum(1);
}

Tensor max_of(const Tensor& rows, const Tensor& columns) {
  const auto [values, real] = pick(rows, columns);
  const double lowest = -std::numeric_limits<double>::infinity();
  return values.to(at::kDouble).masked_fill(real.logical_not(), lowest).amax(1);
}

// Σ p over a set, in double: the rounding of a softmax over 50,000 tokens would show in small
// effects.
Tensor log_prob_of(const Tensor& logits, const Tensor& columns) {
  const auto [values, real] = pick(logits.to(at::kDouble), columns);
  const double lowest = -std::numeric_limits<double>::infinity();
  const Tensor set = at::logsumexp(values.masked_fill(real.logical_not(), lowest), {1});
  return set - at::logsumexp(logits.to(at::kDouble), {1});
}

Tensor prob_of(const Tensor& logits, const Tensor& columns) {
  return log_prob_of(logits, columns).exp();
}

Tensor logit_diff(const MetricInput& in) {
  return (mean_logit_at(in.logits, in.answers) - mean_logit_at(in.logits, in.wrong)).cpu();
}

Tensor logit_margin(const MetricInput& in) {
  return (max_of(in.logits, in.answers) - max_of(in.logits, in.wrong)).cpu();
}

Tensor prob(const MetricInput& in) {
  return prob_of(in.logits, in.answers).cpu();
}

Tensor prob_diff(const MetricInput& in) {
  return (prob_of(in.logits, in.answers) - prob_of(in.logits, in.wrong)).cpu();
}

Tensor log_prob(const MetricInput& in) {
  return log_prob_of(in.logits, in.answers).cpu();
}

Tensor kl(const MetricInput& in) {
  const Tensor p = at::log_softmax(in.clean.to(at::kDouble), 1);
  const Tensor q = at::log_softmax(in.logits.to(at::kDouble), 1);
  return (p.exp() * (p - q)).sum(1).cpu();
}

// True at the answers' columns [R, V].
Tensor answer_columns(const MetricInput& in) {
  const Tensor answers = in.answers.to(in.logits.device());
  // A column behind the last takes the filling of short rows.
  const std::int64_t size = in.logits.size(1);
  const Tensor mask =
      at::zeros({in.logits.size(0), size + 1}, in.logits.options().dtype(at::kBool));
  return mask.scatter(1, answers.masked_fill(answers.lt(0), size), true).narrow(1, 0, size);
}

// Other tokens that are not below the best answer. A tie counts against it: which of two equal
// tokens a model would say is not known, and in bf16 logits are often equal. So do logits that are
// no number.
Tensor rank(const MetricInput& in) {
  const Tensor best = max_of(in.logits, in.answers).to(at::kFloat).unsqueeze(1);
  const Tensor not_below = in.logits.lt(best).logical_not();
  return not_below.logical_and(answer_columns(in).logical_not()).sum(1).to(at::kDouble).cpu();
}

Tensor accuracy(const MetricInput& in) {
  return rank(in).eq(0).to(at::kDouble);
}

constexpr Metric kMetrics[] = {
    {"logit_diff",
     "mean logit of the answers less that of the wrong tokens",
     "Wang et al. 2022, arXiv:2211.00593, section 3",
     true,
     false,
     false,
     true,
     logit_diff},
    {"logit_margin",
     "largest logit of the answers less the largest of the wrong tokens",
     "Heimersheim & Janiak 2023 (docstring circuit)",
     true,
     false,
     false,
     true,
     logit_margin},
    {"prob", "probability of the answers", "", false, true, false, true, prob},
    {"prob_diff",
     "probability of the answers less that of the wrong tokens",
     "Hanna et al. 2023, arXiv:2305.00586, section 2",
     true,
     true,
     false,
     true,
     prob_diff},
    {"log_prob", "natural logarithm of prob", "", false, true, false, true, log_prob},
    {"kl",
     "KL divergence of the run from the clean one, in nats",
     "Conmy et al. 2023, arXiv:2304.14997",
     false,
     true,
     true,
     true,
     kl},
    {"accuracy",
     "1 where an answer is likelier than every other token, else 0; a tie is no hit",
     "",
     false,
     true,
     false,
     false,
     accuracy},
    {"rank",
     "other tokens at least as likely as the best answer",
     "",
     false,
     true,
     false,
     false,
     rank},
};

}  // namespace

std::span<const Metric> all_metrics() {
  return kMetrics;
}

const Metric& find_metric(const std::string& name) {
  return find_named(kMetrics, name, name + ": no such metric");
}

}  // namespace headscope
