#include <limits>
#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Threshold final : public KeySelection {
 public:
  explicit Threshold(double least) : least_(least) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    return least_ == 0.0 ? std::numeric_limits<std::int64_t>::max() : 1;
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs&, const Tensor& scores) const override {
    const Tensor p = at::softmax(scores, -1);
    return p.lt(least_).logical_and(scores.lt(scores.amax(-1, true)));
  }

 private:
  double least_;
};

}  // namespace

AttentionOperator threshold_operator() {
  return {
      .name = "threshold",
      .kind = AttentionOperator::Kind::selection,
      .summary = "The keys of at least so much attention",
      .definition =
          "Query i sees the keys j ≤ i whose softmax weight is at least p, and the "
          "one of the highest score.",
      .source =
          "the rule by which SeerAttention (Gao et al. 2024, arXiv:2410.13276) keeps "
          "blocks, on single keys and their true weights",
      .parameters = {{.name = "p",
                      .meaning = "the least weight that is kept",
                      .kind = OperatorParameter::Kind::number,
                      .least = 0.0,
                      .most = 1.0}},
      .make = [](const OperatorValues& values, const OperatorPlace&) {
        return std::shared_ptr<const HeadOperator>(std::make_shared<Threshold>(values.number("p")));
      }};
}

}  // namespace headscope
