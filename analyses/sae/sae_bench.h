// How fast autoencoders are trained here: steps on rows that lie in the device's memory, so that
// reading them is not part of it.
#pragma once

#include <cstdint>

#include "analyses/bench/bench_runs.h"
#include "analyses/sae/sae_train_options.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct SaeStepTimes {
  Timing step;      // of a whole step: loss, gradients, Adam, counts of what fired
  Timing product;   // of x · W_enc alone, [batch, d_in] · [d_in, d_sae], in the same precision
  double l0 = 0.0;  // of the last step
  double fvu = 0.0;

  // No trainer whose encoder is dense takes less than that product.
  [[nodiscard]] double times_the_product() const { return step.median_ms / product.median_ms; }
};

// `rows` [N, d_in] f32 on the device where it trains; step i takes `batch` of them from i · batch
// on, around their end. A step's time ends when the device is done with it. Throws UsageError if
// there are fewer rows than a batch, Interrupted as time_in_turn().
SaeStepTimes time_sae_steps(const SaeTrainOptions& options,
                            const Tensor& rows,
                            std::int64_t batch,
                            const BenchRepeats& repeats);

}  // namespace headscope
