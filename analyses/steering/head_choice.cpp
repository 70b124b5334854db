#include "analyses/steering/head_choice.h"

#include <algorithm>
#include <cmath>

#include "analyses/metric/summary.h"
#include "analyses/sweep/sweep_method.h"
#include "hooks/direction.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::size_t kMeasuredPerChosen = 3;

class EstimateTap final : public GradientTap {
 public:
  EstimateTap(Site site, const HeadEstimate& estimate, HeadScores& sums)
      : site_(site), estimate_(estimate), sums_(sums) {}

  [[nodiscard]] bool wants(HookPoint point) const override { return point.site == site_; }

  void visit(const Visit& visit, const Tensor& value, const Tensor& gradient) override {
    const std::vector<float> heads = to_floats(estimate_(visit, value, gradient));
    for (std::size_t head = 0; head < heads.size(); ++head) {
      sums_[{visit.point.layer, static_cast<std::int64_t>(head)}] += heads[head];
    }
  }

 private:
  Site site_;
  const HeadEstimate& estimate_;
  HeadScores& sums_;
};

// The heads that a direction of this model was fitted to, those it ranked first in front.
std::vector<HeadId> heads_of_direction(const Model& model, const std::string& folder) {
  const SteeringDirection other = read_direction(folder);
  if (other.weights_hash != model.source().weights_hash) {
    throw DataError(
        "{}: learned from another model ({}); its heads are other heads here", folder, other.model);
  }
  const Json chosen = other.made.is_object() ? other.made.value("chosen", Json::object()) : Json();
  if (!chosen.is_object() || !chosen.contains("heads")) {
    throw DataError(
        "{}: {} chose no heads; --heads takes a direction whose method did", folder, other.method);
  }
  std::vector<HeadId> heads;
  for (const Json& one : chosen.at("heads")) {
    heads.push_back(parse_head_id(one.at("head").get<std::string>()));
  }
  return heads;
}

}  // namespace

HeadScores estimated_effects(const Model& model,
                             const Contrast& contrast,
                             Site site,
                             const HeadEstimate& estimate) {
  HeadScores sums({model.config().n_layers, model.config().n_heads});
  EstimateTap tap(site, estimate, sums);
  contrast.gradients(model, tap);
  for (double& sum : sums.values) {
    sum /= static_cast<double>(contrast.items());
  }
  return sums;
}

Tensor value_times_gradient(const Visit&, const Tensor& value, const Tensor& gradient) {
  return (value.to(at::kFloat) * gradient.to(at::kFloat))
      .sum(at::IntArrayRef{0, 1, 3});  // [B, T, H, d]
}

Goal goal_of(const SteerSettings& settings) {
  const std::string goal = settings.goal.value_or("raise");
  if (goal != "raise" && goal != "lower") {
    throw UsageError("--goal is raise or lower, not {}", goal);
  }
  return goal == "raise" ? Goal::raise : Goal::lower;
}

std::vector<MeasuredHead> choose_heads(const Model& model,
                                       const Contrast& contrast,
                                       const HeadScores& estimates,
                                       const HeadChoice& choice) {
  if (choice.count < 1 || choice.count > estimates.size()) {
    throw UsageError("--top {}: the model has {}", choice.count, estimates.size());
  }
  const double sign = choice.goal == Goal::raise ? 1.0 : -1.0;
  HeadScores towards = estimates;
  for (double& value : towards.values) {
    value *= sign;
  }
  const double base = mean_of(contrast.scores(model, unchanged));
  std::vector<MeasuredHead> measured;
  for (const HeadId& head : top_heads(towards, kMeasuredPerChosen * choice.count)) {
    if (std::isnan(estimates[head])) {
      break;  // these stand last
    }
    const double changed = mean_of(contrast.scores(model, choice.change(head)));
    if (sign * (changed - base) > 0.0) {
      measured.push_back({head, estimates[head], changed - base});
    }
  }
  std::stable_sort(measured.begin(), measured.end(), [&](const auto& a, const auto& b) {
    return sign * a.effect > sign * b.effect;
  });
  measured.resize(std::min(measured.size(), choice.count));
  if (measured.empty()) {
    throw UsageError("no head {}s the score when it is changed so; try the other --goal",
                     choice.goal == Goal::raise ? "raise" : "lower");
  }
  return measured;
}

std::vector<HeadId> heads_of(const std::vector<MeasuredHead>& measured) {
  std::vector<HeadId> heads;
  for (const MeasuredHead& one : measured) {
    heads.push_back(one.head);
  }
  return heads;
}

std::vector<HeadId> given_heads(const Model& model, const SteerSettings& settings) {
  const std::string& given = *settings.heads;
  std::vector<HeadId> heads =
      is_folder(given) ? heads_of_direction(model, given) : parse_head_set(given);
  const ModelConfig& config = model.config();
  for (const HeadId& head : heads) {
    if (head.layer >= config.n_layers || head.head >= config.n_heads) {
      throw UsageError("--heads {}: the model has {} layers of {} heads",
                       to_string(head),
                       config.n_layers,
                       config.n_heads);
    }
  }
  const auto count = static_cast<std::size_t>(settings.top.value_or(std::ssize(heads)));
  if (count < 1 || count > heads.size()) {
    throw UsageError("--top {}: {} has {}", count, given, heads.size());
  }
  heads.resize(count);
  return heads;
}

OrderedJson to_json(const std::vector<MeasuredHead>& measured) {
  OrderedJson list = OrderedJson::array();
  for (const MeasuredHead& one : measured) {
    list.push_back(
        {{"head", to_string(one.head)}, {"estimate", one.estimate}, {"effect", one.effect}});
  }
  return list;
}

}  // namespace headscope
