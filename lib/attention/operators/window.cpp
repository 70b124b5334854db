#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Window final : public KeySelection {
 public:
  explicit Window(std::int64_t local) : local_(local) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override { return local_; }
  [[nodiscard]] std::optional<KeptKeys> kept_keys() const override { return KeptKeys{0, local_}; }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor&) const override {
    return in.key.le(in.query - local_);
  }

 private:
  std::int64_t local_;
};

}  // namespace

AttentionOperator window_operator() {
  return {
      .name = "window",
      .kind = AttentionOperator::Kind::selection,
      .summary = "The last tokens alone, no sink among them",
      .definition = "Query i sees key j ≤ i if i − j < local.",
      .source = "Child et al. 2019, arXiv:1904.10509; Beltagy et al. 2020, arXiv:2004.05150",
      .parameters = {{.name = "local", .meaning = "last tokens, the query's own counted"}},
      .make = [](const OperatorValues& values, const OperatorPlace&) {
        return std::shared_ptr<const HeadOperator>(std::make_shared<Window>(values.count("local")));
      }};
}

}  // namespace headscope
