#include "lib/attention/operators/random_keys.h"

#include <limits>
#include <utility>

#include <ATen/ops/gather.h>
#include <ATen/ops/sort.h>

#include "lib/attention/operators/operators.h"
#include "lib/attention/operators/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t k31Bits = 0x7fffffff;

// A mixing of 31 bits in which every bit in changes about half of those out.
Tensor mixed(Tensor x) {
  for (const std::int64_t odd : {0x2c1b3c6dLL, 0x297a2d39LL}) {
    x = x.bitwise_xor(x.bitwise_right_shift(15)).mul(odd).bitwise_and(k31Bits);
  }
  return x.bitwise_xor(x.bitwise_right_shift(16));
}

// One number below 2⁶² a query and key, [B or 1, 1, T, S].
Tensor key_numbers(const OperatorInputs& in, const KeyDraw& draw) {
  const auto start = static_cast<std::int64_t>((draw.seed * 0x9e3779b1ULL) & k31Bits);
  const Tensor query = mixed((in.query + 1).mul(0x165667b1LL).add(start + draw.layer * 7919));
  const Tensor high = mixed(query + in.key.mul(0x27d4eb2fLL).bitwise_and(k31Bits));
  const Tensor low = mixed(high + in.key + 1);
  return high.bitwise_left_shift(31).add(low);
}

class AsManyAtRandom final : public KeySelection {
 public:
  AsManyAtRandom(std::shared_ptr<const HeadOperator> of, const KeyDraw& draw)
      : of_(std::move(of)), draw_(draw) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    return of_->changes_nothing_up_to();
  }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor& scores) const override {
    const Tensor kept = of_->scores(in, scores).gt(-std::numeric_limits<float>::infinity());
    return drawn_keys(in, scores, kept.sum(-1, true), draw_).logical_not();
  }

 private:
  std::shared_ptr<const HeadOperator> of_;
  KeyDraw draw_;
};

class RandomKeys final : public KeySelection {
 public:
  RandomKeys(std::int64_t keep, const KeyDraw& draw) : keep_(keep), draw_(draw) {}

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override { return keep_; }

 protected:
  [[nodiscard]] Tensor left_out(const OperatorInputs& in, const Tensor& scores) const override {
    const Tensor count = at::full({1, 1, 1, 1}, keep_, in.key.options());
    return drawn_keys(in, scores, count, draw_).logical_not();
  }

 private:
  std::int64_t keep_;
  KeyDraw draw_;
};

}  // namespace

Tensor drawn_keys(const OperatorInputs& in,
                  const Tensor& scores,
                  const Tensor& count,
                  const KeyDraw& draw) {
  const Tensor seen = scores.gt(-std::numeric_limits<float>::infinity());
  const Tensor numbers = key_numbers(in, draw).masked_fill(seen.logical_not(), -1);
  const Tensor sorted = std::get<0>(at::sort(numbers, -1, /*descending=*/true));
  const Tensor last = count.clamp(1, scores.size(-1)) - 1;
  const Tensor threshold =
      at::gather(sorted, -1, last.expand({sorted.size(0), sorted.size(1), sorted.size(2), 1}));
  return numbers.ge(threshold).logical_and(seen);
}

std::shared_ptr<const HeadOperator> as_many_at_random(std::shared_ptr<const HeadOperator> of,
                                                      const KeyDraw& draw) {
  return std::make_shared<AsManyAtRandom>(std::move(of), draw);
}

AttentionOperator random_operator() {
  return {.name = "random",
          .kind = AttentionOperator::Kind::selection,
          .summary = "Keys drawn at random: what a choice of keys must do better than",
          .definition =
              "Query i sees `keep` keys j ≤ i drawn without replacement, for each query "
              "anew; all heads of a layer draw alike.",
          .source = "control",
          .parameters = {{.name = "keep", .meaning = "keys a query"},
                         {.name = "seed",
                          .meaning = "another draw for another number",
                          .otherwise = 0,
                          .least = 0}},
          .make = [](const OperatorValues& values, const OperatorPlace& place) {
            const KeyDraw draw{static_cast<std::uint64_t>(values.count("seed")), place.layer};
            return std::shared_ptr<const HeadOperator>(
                std::make_shared<RandomKeys>(values.count("keep"), draw));
          }};
}

}  // namespace headscope
