#include "analyses/training/parameter_gradients.h"

#include "lib/base/error.h"
#include "lib/families/parameters.h"
#include "lib/model/pass.h"
#include "lib/tensor/autograd.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The model whose parameters are leaves of the autograd graph.
Model with_leaves(const Model& model) {
  Model::Parts parts{.config = model.config(),
                     .weights = model.weights(),
                     .tokenizer = nullptr,
                     .device = model.device(),
                     .dtype = model.dtype(),
                     .source = model.source()};
  for (Tensor* tensor : trainable_tensors(parts.weights, parts.config)) {
    *tensor = gradient_root(*tensor);
  }
  if (parts.config.tied_embeddings) {
    parts.weights.W_U = parts.weights.W_E;
  }
  return Model(std::move(parts));
}

Tensor logits_of_all(const Model& model, const Batch& batch) {
  NoTap nobody;
  Pass pass(model, batch.layout(), nobody, nullptr);
  Tensor resid = run_embed(pass, batch.tokens().to(pass.device));
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    resid = run_block(pass, static_cast<int>(layer), resid);
  }
  return run_unembed(pass, resid, {.logits = Logits::all});
}

}  // namespace

std::vector<Tensor*> trainable_tensors(Weights& weights, const ModelConfig& config) {
  std::vector<Tensor*> tensors;
  for_each_tensor(weights, [&](Tensor& tensor) {
    if (!(config.tied_embeddings && &tensor == &weights.W_U)) {
      tensors.push_back(&tensor);
    }
  });
  return tensors;
}

ParameterGradients parameter_gradients(const Model& model,
                                       const Batch& batch,
                                       const TrainLoss& loss) {
  if (model.standing() != nullptr) {
    throw UsageError("a model is trained as it is, without interventions");
  }
  if (model.dtype() != DType::f32) {
    throw UsageError("models are trained in f32; leave out --dtype");
  }
  batch.check(model.config(), 0);
  const Model differentiable = with_leaves(model);
  ParameterGradients result;
  const Tensor value = with_gradients([&] {
    const Tensor logits = logits_of_all(differentiable, batch);
    result.logits = logits.detach();
    return loss(logits);
  });
  result.loss = value.item<double>();
  Weights leaves = differentiable.weights();
  std::vector<Tensor> inputs;
  for (const Tensor* tensor : trainable_tensors(leaves, model.config())) {
    inputs.push_back(*tensor);
  }
  result.gradients = vector_jacobian_product(value, inputs, at::ones({}, value.options()));
  return result;
}

}  // namespace headscope
