#include "analyses/head_detectors/head_samples.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"

namespace headscope {

HeadSamples head_samples(const Tensor& values) {
  if (!values.defined() || values.dim() != 3) {
    throw InternalError("samples are [samples, layers, heads]");
  }
  const Tensor flat = values.to(at::kCPU, at::kDouble).contiguous();
  const auto* begin = flat.const_data_ptr<double>();
  return {flat.size(0), std::vector<double>(begin, begin + flat.numel())};
}

HeadSamples head_samples(const std::vector<Tensor>& parts) {
  return parts.empty() ? HeadSamples{} : head_samples(at::cat(parts));
}

bool stopped(const DetectorContext& context) {
  return context.stop && context.stop();
}

Tensor over_layers(const DetectorContext& context,
                   std::int64_t axis,
                   const std::function<Tensor(std::int64_t layer)>& of_layer) {
  std::vector<Tensor> layers;
  for (std::int64_t layer = 0; layer < context.model.config().n_layers; ++layer) {
    if (stopped(context)) {
      return {};
    }
    layers.push_back(of_layer(layer));
  }
  return at::stack(layers, axis);
}

HeadScores head_scores(const Tensor& values) {
  const Tensor flat = values.to(at::kCPU, at::kDouble).contiguous();
  const auto* begin = flat.const_data_ptr<double>();
  return {HeadGrid{values.size(0), values.size(1)}, {begin, begin + flat.numel()}};
}

}  // namespace headscope
