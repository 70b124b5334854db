// How a sparse autoencoder is trained.
#pragma once

#include <cstdint>

#include "lib/sae/sae_config.h"

namespace headscope {

enum class DecoderNorm {
  unit,  // every row of W_dec keeps norm 1: gradients along it are taken out
  free   // rows may grow; penalties weigh a feature by its row's norm (Conerly et al. 2024)
};

struct SaeTrainOptions {
  SaeArch arch = SaeArch::topk;
  std::int64_t d_sae = 0;
  std::int64_t k = 32;  // topk, batchtopk
  SaeNormalisation normalisation = SaeNormalisation::none;
  DecoderNorm decoder_norm = DecoderNorm::unit;

  std::int64_t steps = 0;
  double lr = 4e-4;
  std::int64_t lr_warmup = 0;  // steps from 0 up, linear
  std::int64_t lr_decay = 0;   // steps at the end down to 0, linear
  double beta1 = 0.9;          // of Adam
  double beta2 = 0.999;
  double eps = 1e-8;

  // λ of the penalty: standard and gated L1, jumprelu L0. Ignored by topk and batchtopk.
  double sparsity = 1.0;
  std::int64_t sparsity_warmup = 0;  // steps
  double bandwidth = 0.05;           // jumprelu: of the kernel of the threshold's gradient
  double threshold = 0.01;           // jumprelu: where thresholds start

  std::int64_t dead_after = 100'000;  // tokens without firing
  double aux = 1.0 / 32.0;            // topk, batchtopk: weight of the auxiliary loss; 0: none
  std::int64_t resample_every = 0;    // steps; standard, jumprelu, gated; 0: never
  std::uint64_t seed = 0;
};

}  // namespace headscope
