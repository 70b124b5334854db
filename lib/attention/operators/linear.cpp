#include <limits>
#include <memory>

#include <ATen/ops/elu.h>

#include "lib/attention/operators/normalizers.h"
#include "lib/attention/operators/operators.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Products of positive features as scores are their logarithms: softmax then divides by their sum.
class Linear final : public HeadOperator {
 public:
  [[nodiscard]] Tensor scores(const OperatorInputs& in, const Tensor& scores) const override {
    const Tensor q = features(in.attention.q).transpose(1, 2);  // [B, h, T, d]
    const std::int64_t group = in.attention.q.size(2) / in.attention.k.size(2);
    const Tensor k = features(in.attention.k).repeat_interleave(group, 2).permute({0, 2, 3, 1});
    const Tensor hidden = scores.detach().eq(-std::numeric_limits<float>::infinity());
    return at::matmul(q, k).log().masked_fill(hidden, -std::numeric_limits<float>::infinity());
  }

 private:
  static Tensor features(const Tensor& x) { return at::elu(x.to(at::kFloat)) + 1.0; }
};

}  // namespace

AttentionOperator linear_operator() {
  return {.name = "linear",
          .kind = AttentionOperator::Kind::normalizer,
          .summary = "Linear attention: a product of positive features in place of exp",
          .definition =
              "p_j = φ(q)·φ(k_j) / Σ φ(q)·φ(k) over the keys j ≤ i, φ(x) = elu(x) + 1, of "
              "queries and keys as attention compares them.",
          .source = "Katharopoulos et al. 2020, arXiv:2006.16236",
          .untrained = kUntrainedNormalizer,
          .make = [](const OperatorValues&, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(std::make_shared<Linear>());
          }};
}

}  // namespace headscope
