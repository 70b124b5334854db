#include <cmath>
#include <limits>
#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Span final : public KeySelection {
 public:
  Span(double alpha, double beta, std::int64_t sink) : alpha_(alpha), beta_(beta), sink_(sink) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    if (beta_ >= 1.0 && alpha_ >= 0.0) {
      return std::numeric_limits<std::int64_t>::max();
    }
    return sink_;
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor&) const override {
    const Tensor length = (in.query + 1).to(at::kDouble);
    const Tensor span = (length * beta_ + alpha_).floor().clamp_min(1.0);
    return in.key.ge(sink_).logical_and((in.query - in.key).ge(span));
  }

 private:
  double alpha_, beta_;
  std::int64_t sink_;
};

}  // namespace

AttentionOperator span_operator() {
  return {.name = "span",
          .kind = AttentionOperator::Kind::selection,
          .summary = "Last tokens, more of them the longer the text",
          .definition =
              "Query i sees key j ≤ i if j < sink or i − j < max(1, ⌊alpha + beta · (i + 1)⌋).",
          .source = "MoA, Fu et al. 2024, arXiv:2406.14909 (its N is the length of the prompt)",
          .parameters = {{.name = "alpha",
                          .meaning = "tokens seen of a text of any length",
                          .kind = OperatorParameter::Kind::number,
                          .otherwise = 0,
                          .least = -std::numeric_limits<double>::infinity()},
                         {.name = "beta",
                          .meaning = "share of the text so far that is seen",
                          .kind = OperatorParameter::Kind::number,
                          .least = 0.0,
                          .most = 1.0},
                         {.name = "sink",
                          .meaning = "first tokens that every query sees",
                          .otherwise = 4,
                          .least = 0}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(std::make_shared<Span>(
                values.number("alpha"), values.number("beta"), values.count("sink")));
          }};
}

}  // namespace headscope
