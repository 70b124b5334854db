#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class TopK final : public KeySelection {
 public:
  explicit TopK(std::int64_t k) : k_(k) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override { return k_; }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs&, const Tensor& scores) const override {
    return highest(scores, k_).logical_not();
  }

 private:
  std::int64_t k_;
};

}  // namespace

AttentionOperator top_k_operator() {
  return {.name = "top-k",
          .kind = AttentionOperator::Kind::selection,
          .summary = "The keys of the highest scores: what the best choice of so many would keep",
          .definition = "Query i sees the k keys j ≤ i of the highest scores.",
          .source = "Gupta et al. 2021, arXiv:2106.06899",
          .parameters = {{.name = "k", .meaning = "keys a query"}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(std::make_shared<TopK>(values.count("k")));
          }};
}

}  // namespace headscope
