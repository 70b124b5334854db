#include <limits>
#include <memory>

#include <ATen/ops/cumsum.h>
#include <ATen/ops/sort.h>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class TopP final : public KeySelection {
 public:
  explicit TopP(double mass) : mass_(mass) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    return mass_ >= 1.0 ? std::numeric_limits<std::int64_t>::max() : 1;
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs&, const Tensor& scores) const override {
    const Tensor p = at::softmax(scores, -1).to(at::kDouble);
    const auto [sorted, key] = at::sort(p, /*stable=*/true, /*dim=*/-1, /*descending=*/true);
    const Tensor before = at::cumsum(sorted, -1) - sorted;
    return at::zeros_like(before, before.options().dtype(at::kBool))
        .scatter_(-1, key, before.ge(mass_));
  }

 private:
  double mass_;
};

}  // namespace

AttentionOperator top_p_operator() {
  return {.name = "top-p",
          .kind = AttentionOperator::Kind::selection,
          .summary = "The fewest keys that have so much of the attention",
          .definition =
              "Query i sees keys j ≤ i in order of their softmax weight, the largest "
              "first, until the weights of those seen sum to p or more.",
          .source = "nucleus sampling's rule (Holtzman et al. 2019, arXiv:1904.09751) on keys",
          .parameters = {{.name = "p",
                          .meaning = "attention that is kept",
                          .kind = OperatorParameter::Kind::number,
                          .least = 1e-6,
                          .most = 1.0}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(std::make_shared<TopP>(values.number("p")));
          }};
}

}  // namespace headscope
