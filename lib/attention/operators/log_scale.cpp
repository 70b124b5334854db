#include <cmath>
#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class LogScale final : public HeadOperator {
 public:
  explicit LogScale(std::int64_t window) : window_(window) {}

  [[nodiscard]] Tensor scores(const OperatorInputs& in, const Tensor& scores) const override {
    const Tensor keys = (in.query + 1).clamp_min(1).to(at::kFloat);
    const Tensor factor = keys.log() / std::log(static_cast<double>(window_));
    return scores * factor.clamp_min(1.0);
  }

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override { return window_; }

 private:
  std::int64_t window_;
};

}  // namespace

AttentionOperator log_scale_operator() {
  return {.name = "log-scale",
          .kind = AttentionOperator::Kind::position,
          .summary = "Scores that grow with the logarithm of the length, so that entropy does not",
          .definition = "Query i's scores times max(1, ln(i + 1) / ln(window)), i from 0.",
          .source = "Entropy-ABF, Zhang et al. 2024, arXiv:2401.07004",
          .parameters = {{.name = "window",
                          .meaning = "tokens the model was trained on: up to them nothing changes",
                          .least = 2}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(
                std::make_shared<LogScale>(values.count("window")));
          }};
}

}  // namespace headscope
