#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Arrow final : public KeySelection {
 public:
  explicit Arrow(std::int64_t local) : local_(local) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override { return local_ + 1; }
  [[nodiscard]] std::optional<KeptKeys> kept_keys() const override { return KeptKeys{1, local_}; }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor&) const override {
    return in.key.ne(0).logical_and(in.key.le(in.query - local_));
  }

 private:
  std::int64_t local_;
};

}  // namespace

AttentionOperator arrow_operator() {
  return {
      .name = "arrow",
      .kind = AttentionOperator::Kind::selection,
      .summary = "The first token and the last ones",
      .definition =
          "Query i sees key j ≤ i if j = 0 or i − j < local: of the arrow-shaped mask what a "
          "model that looks back alone has of it.",
      .source = "SeNER, Yao et al. 2025, arXiv:2502.07286",
      .parameters = {{.name = "local", .meaning = "last tokens, the query's own counted"}},
      .make = [](const OperatorValues& values, const OperatorPlace&) {
        return std::shared_ptr<const HeadOperator>(std::make_shared<Arrow>(values.count("local")));
      }};
}

}  // namespace headscope
