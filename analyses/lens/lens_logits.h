// From what a run kept to logits.
#pragma once

#include "analyses/lens/lens.h"
#include "analyses/sweep/run_values.h"
#include "lib/model/model.h"

namespace headscope {

// The model's own end over `stream` [N, d_model]: [N, d_vocab] f32.
Tensor lens_logits(const Model& model, const Tensor& stream);

class LensLogits {
 public:
  LensLogits(const Model& model, const RunValues& run, const TunedLens* tuned)
      : model_(model), run_(run), tuned_(tuned) {}

  // What a row says at every place that the run kept, prompts and their tokens in order: [N,
  // d_vocab] f32. `first` and `count` choose among the N, so that not all need be in memory at
  // once.
  [[nodiscard]] Tensor of(const LensRow& row, std::int64_t first, std::int64_t count) const;

 private:
  // A kept value [B, P, …] as [B P, …], where the weights are: a trace has it on the CPU.
  [[nodiscard]] Tensor places(Site site, std::int64_t layer) const;
  [[nodiscard]] Tensor stream(std::int64_t layer) const;
  [[nodiscard]] Tensor written(const LensRow& row) const;

  const Model& model_;
  const RunValues& run_;
  const TunedLens* tuned_;
};

}  // namespace headscope
