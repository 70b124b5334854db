// Which of several GPUs each layer of a model lies on.
#pragma once

#include <vector>

#include "lib/base/device.h"
#include "lib/model/config.h"

namespace headscope {

// The device of each layer: bands of neighbours, so that the stream changes GPUs as seldom as can
// be, about as many weights to each. What lies before and after the layers counts for the first.
std::vector<Device> layer_devices(const ModelConfig& config, const Device& device);

// Elements of the weights on each GPU of `device`.
std::vector<double> elements_by_device(const ModelConfig& config, const Device& device);

}  // namespace headscope
