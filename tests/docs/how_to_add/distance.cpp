#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Distance final : public HeadOperator {
 public:
  explicit Distance(double slope) : slope_(slope) {}

  [[nodiscard]] Tensor scores(const OperatorInputs& in, const Tensor& scores) const override {
    return scores - (in.query - in.key).to(scores.scalar_type()) * slope_;
  }

 private:
  double slope_;
};

}  // namespace

AttentionOperator distance_operator() {
  return {.name = "distance",
          .kind = AttentionOperator::Kind::position,
          .summary = "Farther keys get less",
          .definition = "The score of query i and key j is lessened by slope (i − j).",
          .source = "Press et al. 2022 (ALiBi), arXiv:2108.12409",
          .parameters = {{.name = "slope",
                          .meaning = "what a token of distance costs",
                          .kind = OperatorParameter::Kind::number,
                          .otherwise = 0.1,
                          .least = 0}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(
                std::make_shared<Distance>(values.number("slope")));
          }};
}

}  // namespace headscope
