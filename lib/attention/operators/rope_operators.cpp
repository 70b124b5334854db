#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numbers>

#include "lib/attention/operators/operators.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Queries and keys are turned already: each is turned on by what its angle lacks.
class TurnedFurther final : public HeadOperator {
 public:
  TurnedFurther(const KeyRotation& from, const std::vector<double>& to, double factor)
      : pairs_(from.pairs), factor_(factor) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      further_.push_back(to[i] - from.frequencies[i]);
    }
  }

  [[nodiscard]] Tensor scores(const OperatorInputs& in, const Tensor&) const override {
    AttentionInputs moved = in.attention;
    moved.spec.operators.clear();
    moved.q = turned(in.attention.q, in.query.squeeze(1));
    moved.k = turned(in.attention.k, in.key.squeeze(1).transpose(1, 2));
    return attention_scores(moved);
  }

  [[nodiscard]] std::int64_t changes_nothing_up_to() const override {
    const bool still = std::ranges::all_of(further_, [](double by) { return by == 0.0; });
    return still && factor_ == 1.0 ? std::numeric_limits<std::int64_t>::max() : 0;
  }

 private:
  // x [B, n, heads, d] at `places` [B or 1, n, 1].
  [[nodiscard]] Tensor turned(const Tensor& x, const Tensor& places) const {
    const Tensor wide = x.to(at::kFloat);
    const auto half = static_cast<std::int64_t>(further_.size());
    const Tensor by = at::tensor(further_, at::kDouble).to(x.device());
    const Tensor angle = places.to(at::kDouble).unsqueeze(-1) * by;  // [B or 1, n, 1, half]
    const Tensor cos = (angle.cos() * factor_).to(at::kFloat);
    const Tensor sin = (angle.sin() * factor_).to(at::kFloat);
    const Tensor rest = wide.narrow(-1, 2 * half, x.size(-1) - 2 * half);
    if (pairs_ == KeyRotation::Pairs::adjacent) {
      const Tensor pairs = wide.narrow(-1, 0, 2 * half).unflatten(-1, {half, 2});
      const Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
      const Tensor out = at::stack({a * cos - b * sin, b * cos + a * sin}, -1).flatten(-2);
      return at::cat({out, rest}, -1);
    }
    const Tensor a = wide.narrow(-1, 0, half), b = wide.narrow(-1, half, half);
    return at::cat({a * cos - b * sin, b * cos + a * sin, rest}, -1);
  }

  KeyRotation::Pairs pairs_;
  double factor_;
  std::vector<double> further_;  // radians a position
};

const KeyRotation& rotation_of(const OperatorPlace& place, std::string_view name) {
  if (!place.rotation) {
    throw UsageError(
        "operator {} turns positions otherwise, and layer {} of this model turns none "
        "by a fixed angle",
        name,
        place.layer);
  }
  return *place.rotation;
}

std::shared_ptr<const HeadOperator> returned(const KeyRotation& from,
                                             double factor,
                                             const std::function<double(double, double)>& to) {
  std::vector<double> frequencies;
  const auto half = static_cast<double>(from.frequencies.size());
  for (const double now : from.frequencies) {
    frequencies.push_back(to(now, static_cast<double>(frequencies.size()) / half));
  }
  return std::make_shared<TurnedFurther>(from, frequencies, factor);
}

OperatorParameter factor_parameter() {
  return {.name = "factor",
          .meaning = "how many times longer prompts are to be",
          .kind = OperatorParameter::Kind::number,
          .least = 1.0};
}

// The pair of dimensions that turns `times` in `window` tokens.
double pair_turning(double times, double window, double half, double base) {
  return half * std::log(window / (times * 2.0 * std::numbers::pi)) / std::log(base);
}

std::shared_ptr<const HeadOperator> make_yarn(const OperatorValues& values,
                                              const OperatorPlace& place) {
  const KeyRotation& from = rotation_of(place, "rope-yarn");
  const double factor = values.number("factor"), window = values.number("window");
  const auto half = static_cast<double>(from.frequencies.size());
  const double low = std::max(0.0, std::floor(pair_turning(32.0, window, half, from.base)));
  const double high =
      std::min(2.0 * half - 1.0, std::ceil(pair_turning(1.0, window, half, from.base)));
  const double span = std::max(high - low, 1e-3);
  return returned(from, 0.1 * std::log(factor) + 1.0, [=](double now, double share) {
    const double slow = std::clamp((share * half - low) / span, 0.0, 1.0);
    return now + now * slow * (1.0 / factor - 1.0);
  });
}

}  // namespace

AttentionOperator rope_base_operator() {
  return {.name = "rope-base",
          .kind = AttentionOperator::Kind::position,
          .summary = "Another base of the rotary angles",
          .definition = "The angle of pair i of dim / 2 at position p is p · base^(−2i / dim).",
          .source = "Xiong et al. 2023, arXiv:2309.16039",
          .parameters = {{.name = "base",
                          .meaning = "the new base",
                          .kind = OperatorParameter::Kind::number,
                          .least = 1.5}},
          .make = [](const OperatorValues& values, const OperatorPlace& place) {
            const double base = values.number("base");
            return returned(rotation_of(place, "rope-base"), 1.0, [=](double, double share) {
              return std::pow(base, -share);
            });
          }};
}

AttentionOperator rope_linear_operator() {
  return {.name = "rope-linear",
          .kind = AttentionOperator::Kind::position,
          .summary = "Positions divided by a factor",
          .definition = "The angle of every pair at position p becomes that at p / factor.",
          .source = "Chen et al. 2023, arXiv:2306.15595",
          .parameters = {factor_parameter()},
          .make = [](const OperatorValues& values, const OperatorPlace& place) {
            const double factor = values.number("factor");
            return returned(rotation_of(place, "rope-linear"), 1.0, [=](double now, double) {
              return now / factor;
            });
          }};
}

AttentionOperator rope_ntk_operator() {
  return {.name = "rope-ntk",
          .kind = AttentionOperator::Kind::position,
          .summary = "The base raised so that the slowest pair turns factor times slower",
          .definition =
              "base becomes base · factor^(dim / (dim − 2)): pair i turns slower by "
              "factor^(2i / (dim − 2)).",
          .source = "NTK-aware scaling, as in Peng et al. 2023, arXiv:2309.00071, eq. 16",
          .parameters = {factor_parameter()},
          .make = [](const OperatorValues& values, const OperatorPlace& place) {
            const KeyRotation& from = rotation_of(place, "rope-ntk");
            const double factor = values.number("factor");
            const auto half = static_cast<double>(from.frequencies.size());
            const double stretch = half > 1 ? half / (half - 1.0) : 0.0;
            return returned(from, 1.0, [=](double now, double share) {
              return now * std::pow(factor, -share * stretch);
            });
          }};
}

AttentionOperator rope_yarn_operator() {
  return {
      .name = "rope-yarn",
      .kind = AttentionOperator::Kind::position,
      .summary = "Slow pairs divided by a factor, fast ones left, scores sharpened",
      .definition =
          "Pairs that turn more than 32 times in `window` tokens stay, those that "
          "turn less than once are divided by factor, those between in proportion; "
          "the turned dimensions of queries and keys are multiplied by 0.1 ln(factor) "
          "+ 1.",
      .source = "YaRN, Peng et al. 2023, arXiv:2309.00071",
      .parameters = {factor_parameter(),
                     {.name = "window", .meaning = "tokens the model was trained on", .least = 64}},
      .make = make_yarn};
}

}  // namespace headscope
