#include "analyses/head_detectors/massive_activations.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <ATen/ops/topk.h>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

using Places = std::map<std::pair<std::int64_t, std::int64_t>, MassiveActivation>;

// What of a prompt's stream [T, d_model] is massive.
void note_massive(const Tensor& stream, double median, Places& places) {
  const double least = std::max(kMassive, kMassiveTimesMedian * median);
  const Tensor found = stream.abs().ge(least).logical_and(stream.abs().gt(kMassive)).nonzero();
  for (std::int64_t i = 0; i < found.size(0); ++i) {
    const auto token = found[i][0].item<std::int64_t>();
    const auto dim = found[i][1].item<std::int64_t>();
    MassiveActivation& place = places[{token, dim}];
    const double value = stream[token][dim].item<double>();
    place.token = token;
    place.dim = dim;
    place.largest = std::abs(value) > std::abs(place.largest) ? value : place.largest;
    ++place.prompts;
  }
}

LayerActivations summary_of(const Tensor& streams) {
  LayerActivations layer;
  const auto count = static_cast<double>(streams.size(0));
  Places places;
  for (std::int64_t row = 0; row < streams.size(0); ++row) {
    const Tensor sizes = streams[row].abs().flatten();
    const double median = sizes.median().item<double>();
    const Tensor top = std::get<0>(at::topk(sizes, 3));
    for (std::int64_t i = 0; i < 3; ++i) {
      layer.largest[static_cast<std::size_t>(i)] += top[i].item<double>() / count;
    }
    layer.median += median / count;
    note_massive(streams[row], median, places);
  }
  const Tensor norms = streams.norm(2, {2});
  layer.first_norm = norms.select(1, 0).mean().item<double>();
  layer.other_norm = norms.narrow(1, 1, norms.size(1) - 1).mean().item<double>();
  for (const auto& [place, massive] : places) {
    layer.massive.push_back(massive);
  }
  std::stable_sort(layer.massive.begin(), layer.massive.end(), [](const auto& a, const auto& b) {
    return a.prompts > b.prompts;
  });
  return layer;
}

class StreamTap final : public Tap {
 public:
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::resid_post ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& value) override {
    layers.push_back(summary_of(value.to(at::kCPU, at::kFloat)));
    return value;
  }
  std::vector<LayerActivations> layers;
};

}  // namespace

std::vector<LayerActivations> massive_activations(
    const Model& model, const std::vector<std::vector<std::int32_t>>& prompts) {
  const Batch batch(prompts);
  if (batch.layout().padded() || batch.layout().columns < 2) {
    throw UsageError("massive activations are told from prompts of one length, at least 2 tokens");
  }
  StreamTap tap;
  model.forward(batch, tap, {.logits = Logits::none});
  return tap.layers;
}

}  // namespace headscope
