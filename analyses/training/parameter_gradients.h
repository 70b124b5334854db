// The gradient of a loss with respect to every parameter of a model: what training needs.
#pragma once

#include <functional>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

// The tensors of `weights` that training changes, each once: the unembedding of a model with tied
// embeddings is the embedding.
std::vector<Tensor*> trainable_tensors(Weights& weights, const ModelConfig& config);

struct ParameterGradients {
  double loss = 0.0;
  Tensor logits;                  // [B, T, d_vocab] f32
  std::vector<Tensor> gradients;  // ∂loss/∂tensor, shaped as trainable_tensors()
};

// Logits [B, T, d_vocab] f32 of every position → the loss, one number, by Torch operators.
using TrainLoss = std::function<Tensor(const Tensor& logits)>;

// One pass forwards and backwards, by the blocks of Model::forward() with autograd through them;
// memory holds the intermediate values of all layers. Throws UsageError as forward() does for the
// batch, and for a model with a standing change, or a dtype that is not f32.
ParameterGradients parameter_gradients(const Model& model,
                                       const Batch& batch,
                                       const TrainLoss& loss);

}  // namespace headscope
