#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class Streaming final : public KeySelection {
 public:
  Streaming(std::int64_t sink, std::int64_t local) : sink_(sink), local_(local) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override { return sink_ + local_; }
  [[nodiscard]] std::optional<KeptKeys> kept_keys() const override {
    return KeptKeys{sink_, local_};
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor&) const override {
    return in.key.ge(sink_).logical_and(in.key.le(in.query - local_));
  }

 private:
  std::int64_t sink_, local_;
};

}  // namespace

AttentionOperator streaming_operator() {
  return {.name = "streaming",
          .kind = AttentionOperator::Kind::selection,
          .summary = "The first tokens and the last ones",
          .definition =
              "Query i sees key j ≤ i if j < sink or i − j < local. Keys keep the "
              "positions they have in the text.",
          .source =
              "Xiao et al. 2023, arXiv:2309.17453; a head in DuoAttention, Xiao et al. 2024, "
              "arXiv:2410.10819",
          .parameters = {{.name = "sink",
                          .meaning = "first tokens that every query sees",
                          .otherwise = 4,
                          .least = 0},
                         {.name = "local", .meaning = "last tokens, the query's own counted"}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(
                std::make_shared<Streaming>(values.count("sink"), values.count("local")));
          }};
}

}  // namespace headscope
