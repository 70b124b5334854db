#include "lib/families/placement.h"

#include <algorithm>
#include <numeric>

#include "lib/families/parameters.h"

namespace headscope {
namespace {

struct Sizes {
  double outside_layers = 0.0;
  std::vector<double> layers;
};

double sum(const std::vector<double>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), 0.0);
}

Sizes sizes_of(const ModelConfig& config) {
  Weights weights;  // without tensors: only their sizes are asked
  weights.blocks.resize(1);
  Sizes sizes{sum(tensor_sizes(model_parameters(weights, config))), {}};
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    sizes.layers.push_back(
        sum(tensor_sizes(block_parameters(weights.blocks.front(), config, layer))));
  }
  return sizes;
}

// A layer lies where its middle does among all weights, cut into equal parts.
std::vector<int> bands(const Sizes& sizes, int devices) {
  const double part = (sizes.outside_layers + sum(sizes.layers)) / devices;
  std::vector<int> bands;
  double before = sizes.outside_layers;
  for (const double size : sizes.layers) {
    bands.push_back(std::min(static_cast<int>((before + size / 2) / part), devices - 1));
    before += size;
  }
  return bands;
}

}  // namespace

std::vector<Device> layer_devices(const ModelConfig& config, const Device& device) {
  if (device.count == 1) {
    return std::vector<Device>(static_cast<std::size_t>(config.n_layers), device);
  }
  std::vector<Device> devices;
  for (const int band : bands(sizes_of(config), device.count)) {
    devices.push_back(one_of(device, band));
  }
  return devices;
}

std::vector<double> elements_by_device(const ModelConfig& config, const Device& device) {
  const Sizes sizes = sizes_of(config);
  std::vector<double> elements(static_cast<std::size_t>(device.count), 0.0);
  elements.front() = sizes.outside_layers;
  const std::vector<int> of_layers = bands(sizes, device.count);
  for (std::size_t layer = 0; layer < of_layers.size(); ++layer) {
    elements[static_cast<std::size_t>(of_layers[layer])] += sizes.layers[layer];
  }
  return elements;
}

}  // namespace headscope
