#include <limits>
#include <memory>

#include "lib/attention/operators/operators.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// n dropped tokens as one key k̂, the mean of theirs, of weight n exp(q·k̂), and the mean of their
// values: the same as giving each of them the mean of their scores.
class Razor final : public HeadOperator {
 public:
  Razor(std::int64_t sink, std::int64_t local) : sink_(sink), local_(local) {}

  [[nodiscard]] Tensor scores(const OperatorInputs& in, const Tensor& scores) const override {
    const Tensor dropped = in.key.ge(sink_)
                               .logical_and(in.key.le(in.query - local_))
                               .logical_and(scores.detach().gt(kUnseenKey));
    const Tensor count = dropped.sum(-1, true).clamp_min(1);
    const Tensor mean = scores.masked_fill(dropped.logical_not(), 0.0).sum(-1, true) / count;
    return at::where(dropped, mean, scores);
  }

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override { return sink_ + local_; }

 private:
  static constexpr float kUnseenKey = -std::numeric_limits<float>::infinity();
  std::int64_t sink_, local_;
};

}  // namespace

AttentionOperator razor_operator() {
  return {.name = "razor",
          .kind = AttentionOperator::Kind::compensation,
          .summary = "The first tokens, the last ones, and one token for all between",
          .definition =
              "Query i sees key j ≤ i if j < sink or i − j < local; the n keys between "
              "stand as one, the mean of them with the mean of their values, and n times "
              "the weight.",
          .source = "RazorAttention, Tang et al. 2024, arXiv:2407.15891, eq. 7",
          .parameters = {{.name = "sink",
                          .meaning = "first tokens that every query sees",
                          .otherwise = 4,
                          .least = 0},
                         {.name = "local", .meaning = "last tokens, the query's own counted"}},
          .make = [](const OperatorValues& values, const OperatorPlace&) {
            return std::shared_ptr<const HeadOperator>(
                std::make_shared<Razor>(values.count("sink"), values.count("local")));
          }};
}

}  // namespace headscope
