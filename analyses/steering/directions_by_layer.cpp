#include "analyses/steering/directions_by_layer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analyses/metric/summary.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/contrast.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/last_token.h"
#include "hooks/address.h"
#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr double kValidation = 0.25;

std::vector<HookPoint> wanted_points(const SteerRequest& request) {
  const ModelConfig& config = request.model.config();
  std::vector<std::int64_t> layers = request.settings.layers.value_or(std::vector<std::int64_t>{});
  if (layers.empty()) {
    layers.resize(static_cast<std::size_t>(config.n_layers));
    std::iota(layers.begin(), layers.end(), 0);
  }
  std::vector<std::string> names;
  for (const std::int64_t layer : layers) {
    names.push_back(
        fmt::format("blocks.{}.{}", layer, request.settings.site.value_or("hook_resid_post")));
  }
  return resolve_hooks(names, config);
}

std::map<std::string, PointTexts> texts_at(const SteerRequest& request,
                                           const SteerData& data,
                                           const std::vector<HookPoint>& points) {
  const std::vector<LabelledText> texts = labelled_texts(data);
  std::vector<bool> positive;
  std::vector<std::vector<std::int32_t>> tokens;
  for (const LabelledText& text : texts) {
    positive.push_back(text.positive);
    tokens.push_back(text.tokens);
  }
  std::map<std::string, PointTexts> at;
  for (auto& [name, values] : last_token_values(request.model, tokens, points)) {
    at[name] = {values.to(at::kDouble), positive, data.kind};
  }
  return at;
}

struct LayerDirection {
  HookPoint point;
  std::string name;
  Tensor values;
};

std::vector<std::int64_t> all_heads(HookPoint point, const ModelConfig& config) {
  const SiteInfo& site = info(point.site);
  const bool kv = site.axis(Axis::kv_head) >= 0;
  if (!kv && site.axis(Axis::head) < 0) {
    return {};
  }
  std::vector<std::int64_t> heads(
      static_cast<std::size_t>(kv ? config.n_kv_heads : config.n_heads));
  std::iota(heads.begin(), heads.end(), 0);
  return heads;
}

Steering steering_of(const SteerRequest& request,
                     const std::string& method,
                     const LayerDirection& chosen) {
  const std::vector<std::int64_t> heads = all_heads(chosen.point, request.model.config());
  Steering out{.direction = headscope::direction_of(request.model, method, Op::add), .edits = {}};
  out.direction.points = {
      {.name = chosen.name, .heads = heads, .values = chosen.values.to(at::kFloat)}};
  out.edits = {with_own_values(chosen.name, heads, Op::add, request.settings.alpha.value_or(1.0))};
  if (info(chosen.point.site).axis(Axis::kv_head) >= 0) {
    std::swap(out.edits[0].where.heads, out.edits[0].where.kv_heads);
  }
  return out;
}

// The gain of the mean score, or, for labelled texts, the separation.
double merit(const SteerRequest& request,
             const std::string& method,
             const SteerData& validation,
             const std::map<std::string, PointTexts>& texts,
             const LayerDirection& direction) {
  if (validation.kind == SteerData::Kind::texts) {
    const PointTexts& at = texts.at(direction.name);
    return separation(at.values, direction.values, at.positive);
  }
  const Steering steering = steering_of(request, method, direction);
  return mean_of(
      Contrast(validation)
          .scores(request.model, taps_of(request.model, steering.direction, steering.edits)));
}

}  // namespace

Tensor mean_difference(const Tensor& values, const std::vector<bool>& positive) {
  std::vector<std::int64_t> right;
  std::vector<std::int64_t> wrong;
  for (std::size_t i = 0; i < positive.size(); ++i) {
    (positive[i] ? right : wrong).push_back(static_cast<std::int64_t>(i));
  }
  return values.index_select(0, index_tensor(right, values.device())).mean(0) -
         values.index_select(0, index_tensor(wrong, values.device())).mean(0);
}

double separation(const Tensor& values,
                  const Tensor& direction,
                  const std::vector<bool>& positive) {
  const Tensor along = (values * direction).flatten(1).sum(1);
  const std::vector<float> projections = to_floats(along);
  double sum[2] = {0.0, 0.0};
  double squares[2] = {0.0, 0.0};
  double count[2] = {0.0, 0.0};
  for (std::size_t i = 0; i < positive.size(); ++i) {
    const std::size_t side = positive[i] ? 1 : 0;
    const double x = projections[i];
    sum[side] += x;
    squares[side] += x * x;
    count[side] += 1.0;
  }
  double variance = 0.0;
  for (const std::size_t side : {0U, 1U}) {
    const double mean = sum[side] / count[side];
    variance += std::max(squares[side] / count[side] - mean * mean, 0.0) / 2.0;
  }
  return (sum[1] / count[1] - sum[0] / count[0]) / std::sqrt(variance + 1e-300);
}

Steering fit_by_layer(const SteerRequest& request,
                      const std::string& method,
                      const DirectionOf& direction_of_point) {
  const std::vector<HookPoint> points = wanted_points(request);
  const bool choose = points.size() > 1;
  const SteerSplit inner =
      choose ? split_of(request.fit, kValidation, request.seed + 1) : SteerSplit{request.fit, {}};
  const auto texts = texts_at(request, inner.fit, points);
  const auto seen = choose ? texts_at(request, inner.held_out, points) : texts;
  OrderedJson merits = OrderedJson::object();
  std::optional<LayerDirection> best;
  double most = 0.0;
  for (const HookPoint point : points) {
    LayerDirection here{point, hook_name(point.site, point.layer), {}};
    here.values = direction_of_point(texts.at(here.name));
    const double own = choose ? merit(request, method, inner.held_out, seen, here) : 0.0;
    merits[here.name] = own;
    if (!best || own > most) {
      best = here;
      most = own;
    }
  }
  // What was held back to choose the layer is used once it is chosen.
  best->values = direction_of_point(
      choose ? texts_at(request, request.fit, {best->point}).at(best->name) : texts.at(best->name));
  Steering out = steering_of(request, method, *best);
  out.chosen["point"] = best->name;
  if (choose) {
    out.chosen["merit"] = merits;
  }
  const auto judged = texts_at(request, request.held_out, {best->point});
  const PointTexts& at = judged.at(best->name);
  out.direction.scores["separation"] = separation(at.values, best->values, at.positive);
  out.direction.scores["norm"] = best->values.pow(2).sum().sqrt().item<double>();
  return out;
}

}  // namespace headscope
