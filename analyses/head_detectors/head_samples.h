// From tensors over layers and heads to what a Finding holds.
#pragma once

#include <functional>
#include <vector>

#include "analyses/head_detectors/detector.h"
#include "lib/base/head_scores.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// values: [samples, n_layers, n_heads], any float type and device.
HeadSamples head_samples(const Tensor& values);

// The same of samples [S, n_layers, n_heads] made apart, one after the other.
HeadSamples head_samples(const std::vector<Tensor>& parts);

bool stopped(const DetectorContext& context);

// `of_layer` of every layer, stacked along `axis`; undefined if the context was stopped between.
Tensor over_layers(const DetectorContext& context,
                   std::int64_t axis,
                   const std::function<Tensor(std::int64_t layer)>& of_layer);

// values: [n_layers, n_heads], any float type and device.
HeadScores head_scores(const Tensor& values);

}  // namespace headscope
