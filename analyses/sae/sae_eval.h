// How good a sparse autoencoder is: what it leaves of the activations, and of the model's
// predictions when it stands in for them.
//
//   L0                  mean number of codes ≠ 0
//   FVU                 Σ‖x − x̂‖² / Σ‖x − x̄‖², x̄ the mean of x over all rows of the set
//   explained variance  1 − FVU
//   dead                features that fired on no row of the set
//   loss recovered      (CE_zero − CE_sae) / (CE_zero − CE_clean): CE the mean cross-entropy of
//   next
//                       tokens, with the hook point as it is, zeroed, or replaced by x̂
//   KL recovered        (KL_zero − KL_sae) / KL_zero: KL(clean ‖ changed), mean over positions
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lib/model/model.h"
#include "lib/sae/sae.h"
#include "lib/text/prompt.h"

namespace headscope {

struct SaeReconstruction {
  std::int64_t rows = 0;
  double l0 = 0.0;
  double fvu = 0.0;
  double explained_variance = 0.0;
  std::int64_t dead = 0;
};

// Sums over batches of rows, in f64.
class SaeMeasure {
 public:
  explicit SaeMeasure(const Sae& sae);

  // x: [N, d_in]; `target`: what is to be reconstructed, x itself but for transcoders.
  void add(const Tensor& x, const Tensor& target);
  [[nodiscard]] SaeReconstruction result() const;

 private:
  const Sae& sae_;
  std::int64_t rows_ = 0;
  double codes_ = 0.0;
  double error_ = 0.0;
  double squares_ = 0.0;  // Σ‖x − first row‖²: far means cost no digits
  Tensor origin_;
  Tensor sum_;    // [d] f64, of x − first row
  Tensor fired_;  // [d_sae] bool
};

struct SaeSplice {
  std::int64_t predicted = 0;  // tokens
  double ce_clean = 0.0;
  double ce_zero = 0.0;
  double ce_sae = 0.0;
  double loss_recovered = 0.0;
  double kl_zero = 0.0;
  double kl_sae = 0.0;
  double kl_recovered = 0.0;
};

struct SaeEvaluation {
  SaeReconstruction reconstruction;
  SaeSplice splice;
};

struct SaeEvalOptions {
  std::int64_t batch_tokens = 1024;  // in one pass
  std::int64_t first_position = 0;   // rows before it are neither measured nor replaced
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // prompts
};

// Where it reads in this model. UsageError for a hook point the model lacks or of another width.
HookPoint point_of_sae(const Sae& sae, const ModelConfig& config);

// The SAE must be on the model's device. Throws UsageError for a hook point the model lacks or of
// another width than the SAE.
SaeEvaluation evaluate_sae(const Sae& sae,
                           const Model& model,
                           const std::vector<Prompt>& prompts,
                           const SaeEvalOptions& options);

}  // namespace headscope
