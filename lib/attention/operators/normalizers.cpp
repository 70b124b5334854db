#include "lib/attention/operators/normalizers.h"

#include <limits>

#include <ATen/ops/sigmoid.h>

#include "lib/attention/operators/operators.h"
#include "lib/tensor/ops.h"

namespace headscope {

Tensor keys_seen(const Tensor& scores) {
  return scores.detach()
      .gt(-std::numeric_limits<float>::infinity())
      .sum(-1, true)
      .clamp_min(1)
      .to(at::kFloat);
}

namespace {

// exp(s) / (number + Σ exp(s)), stable: all by the largest of the scores and 0.
Tensor off_by_number(const Tensor& scores, double number) {
  const Tensor most = scores.detach().amax(-1, true).clamp_min(0.0);
  const Tensor weights = (scores - most).exp();
  return weights / (weights.sum(-1, true) + number * most.neg().exp());
}

Tensor sigmoid_of_keys(const Tensor& scores, double shift) {
  return at::sigmoid(scores - keys_seen(scores).log() + shift);
}

Tensor relu_of_keys(const Tensor& scores, double) {
  return at::relu(scores) / keys_seen(scores);
}

template <PatternOperator::Pattern pattern>
std::shared_ptr<const HeadOperator> normalizer_of(double number) {
  return std::make_shared<PatternOperator>(pattern, number);
}

}  // namespace

AttentionOperator softmax_off_by_one_operator() {
  return {.name = "softmax-off-by-one",
          .kind = AttentionOperator::Kind::normalizer,
          .summary = "Softmax with a one in the denominator: a head may attend to nothing",
          .definition =
              "p_j = exp(s_j) / (extra + Σ exp(s)) over the keys j ≤ i; extra = 0 is "
              "softmax.",
          .source =
              "Miller 2023, evanmiller.org/attention-is-off-by-one.html; with a key of zeros, "
              "Gu et al. 2024, arXiv:2410.10781",
          .parameters = {{.name = "extra",
                          .meaning = "what is added to the denominator",
                          .kind = OperatorParameter::Kind::number,
                          .otherwise = 1.0,
                          .least = 0.0}},
          .untrained = kUntrainedNormalizer,
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return normalizer_of<off_by_number>(values.number("extra"));
          }};
}

AttentionOperator sigmoid_operator() {
  return {.name = "sigmoid",
          .kind = AttentionOperator::Kind::normalizer,
          .summary = "A sigmoid of each score, shifted by −log n, and no sum",
          .definition = "p_j = σ(s_j − ln n + shift), where query i sees n keys j ≤ i.",
          .source = "Ramapuram et al. 2024, arXiv:2409.04431",
          .parameters = {{.name = "shift",
                          .meaning = "nats added to every score",
                          .kind = OperatorParameter::Kind::number,
                          .otherwise = 0.0,
                          .least = -1e6,
                          .most = 1e6}},
          .untrained = kUntrainedNormalizer,
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return normalizer_of<sigmoid_of_keys>(values.number("shift"));
          }};
}

AttentionOperator relu_operator() {
  return {.name = "relu",
          .kind = AttentionOperator::Kind::normalizer,
          .summary = "The positive scores, divided by how many keys there are",
          .definition = "p_j = max(s_j, 0) / n, where query i sees n keys j ≤ i.",
          .source = "Wortsman et al. 2023, arXiv:2309.08586",
          .untrained = kUntrainedNormalizer,
          .make = [](const OperatorValues&, const OperatorPlace&) {
            return normalizer_of<relu_of_keys>(0.0);
          }};
}

}  // namespace headscope
