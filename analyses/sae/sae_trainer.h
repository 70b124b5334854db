// One sparse autoencoder in training: parameters, Adam's moments, dead features. The batches come
// from whoever calls (sae_train_run.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyses/sae/sae_objective.h"
#include "lib/sae/sae.h"
#include "lib/sae/stored_tensors.h"
#include "lib/weights/write_safetensors.h"

namespace headscope {

// Of one step, over its batch. Losses are of normalised activations.
struct SaeTrainState {
  std::int64_t step = 0;  // steps done
  double loss = 0.0;      // the sum of the next three
  double squared_error = 0.0;
  double penalty = 0.0;
  double auxiliary = 0.0;
  double l0 = 0.0;   // mean number of codes that are not 0
  double fvu = 0.0;  // Σ‖x − x̂‖² / Σ‖x − x̄‖², x̄ the mean of the batch
  std::int64_t dead = 0;
  double lr = 0.0;
};

enum class Measure { nothing, state };  // measuring waits for the device

class SaeTrainer {
 public:
  // Weights drawn from the seed: decoder rows of norm 1 in random directions, W_enc = W_decᵀ.
  SaeTrainer(const SaeTrainOptions& options, std::int64_t d_in, const at::Device& device);

  // x: [N, d_in]. The first batch sets b_dec (its mean) and the factor of expected_average_only_in.
  // A state of `step` alone for Measure::nothing. DataError if the loss is no longer finite.
  SaeTrainState step(const Tensor& x, Measure measure);

  [[nodiscard]] std::int64_t steps_done() const { return steps_; }
  [[nodiscard]] const Tensor& b_dec() const { return weights_.b_dec; }  // as the last step left it

  // As it is now, on the CPU in f32: the norm factor folded in, batchtopk with its threshold.
  [[nodiscard]] Sae finished(SaeConfig config) const;
  // log10 of the share of tokens each feature fired on so far, 1e-10 if never.
  [[nodiscard]] std::vector<float> log_sparsity() const;

  // Everything that steps to come depend on; names begin with `prefix`.
  [[nodiscard]] std::vector<NamedArray> state(const std::string& prefix) const;
  // DataError naming `where` if a tensor is missing or of another shape.
  void restore(const StoredSaeTensors& tensors,
               const std::string& prefix,
               const std::string& where);

 private:
  using Named = std::vector<std::pair<std::string, Tensor*>>;
  Named stored();
  void begin(const Tensor& x);
  [[nodiscard]] Tensor input(const Tensor& x) const;
  void adam(SaeParameters& gradient);
  void note_fired(const SaeStep& step, std::int64_t rows);
  void resample(const Tensor& x, const Tensor& row_error);
  [[nodiscard]] Tensor dead_features() const;
  [[nodiscard]] double lr_now() const;
  [[nodiscard]] double sparsity_now() const;

  SaeTrainOptions options_;
  SaeParameters weights_;
  SaeParameters first_;  // Adam's moments
  SaeParameters second_;
  Tensor since_fired_;  // [d_sae] f32: tokens, at most dead_after
  Tensor fired_;        // [d_sae] f32: on how many tokens
  Tensor tokens_;       // a number, f64
  Tensor threshold_;    // batchtopk: running mean of the smallest code, f32
  Tensor scale_;        // expected_average_only_in: √d / mean ‖x‖, f32
  std::int64_t steps_ = 0;
};

}  // namespace headscope
