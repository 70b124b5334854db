#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Dilated final : public KeySelection {
 public:
  Dilated(std::int64_t keys, std::int64_t stride) : keys_(keys), stride_(stride) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    return stride_ == 1 ? keys_ : 1;
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor&) const override {
    const Tensor distance = in.query - in.key;
    return distance.remainder(stride_).ne(0).logical_or(distance.ge(keys_ * stride_));
  }

 private:
  std::int64_t keys_, stride_;
};

}  // namespace

AttentionOperator dilated_operator() {
  return {.name = "dilated",
          .kind = AttentionOperator::Kind::selection,
          .summary = "Every n-th token looking back",
          .definition =
              "Query i sees key j ≤ i if i − j is a multiple of stride and below "
              "keys · stride.",
          .source = "Child et al. 2019, arXiv:1904.10509; Beltagy et al. 2020, arXiv:2004.05150",
          .parameters = {{.name = "keys", .meaning = "keys a query, its own counted"},
                         {.name = "stride", .meaning = "tokens from one key to the next"}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(
                std::make_shared<Dilated>(values.count("keys"), values.count("stride")));
          }};
}

}  // namespace headscope
