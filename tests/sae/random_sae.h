// A sparse autoencoder of random weights.
#pragma once

#include <cstdint>
#include <string>

#include <ATen/Context.h>
#include <ATen/ops/randn.h>

#include "lib/sae/sae.h"
#include "lib/tensor/ops.h"

namespace headscope::test {

struct RandomSae {
  std::int64_t width = 0;
  std::int64_t features = 0;
  std::string hook;
  double encoder = 1.0;  // deviation of its weights, and of the decoder's
  double decoder = 3.0;
  double threshold = 0.0;  // taken off what every feature reads: the higher, the fewer fire
  std::uint64_t seed = 5;
};

// Of standard architecture, without a decoder's bias.
inline Sae random_sae(const RandomSae& sae) {
  at::manual_seed(sae.seed);
  SaeConfig config;
  config.d_in = config.d_out = sae.width;
  config.d_sae = sae.features;
  config.hook = sae.hook;
  SaeWeights weights;
  weights.W_enc = at::randn({sae.width, sae.features}) * sae.encoder;
  weights.W_dec = at::randn({sae.features, sae.width}) * sae.decoder;
  weights.b_enc = at::randn({sae.features}) * 0.1 - sae.threshold;
  weights.b_dec = at::zeros({sae.width});
  return Sae(config, weights, "test");
}

}  // namespace headscope::test
