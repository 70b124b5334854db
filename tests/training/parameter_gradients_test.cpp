// The gradient of every parameter against differences of real forward passes.
#include "analyses/training/parameter_gradients.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/one_thread.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// A smooth number of all logits.
Tensor some_loss(const Tensor& logits) {
  const Tensor weights = at::arange(logits.size(2), logits.options()).mul(0.37).sin();
  return (logits * weights).sum() + 0.1 * logits.square().mean();
}

Model with_weights(const Model& model, const Weights& weights) {
  return Model({.config = model.config(),
                .weights = weights,
                .tokenizer = nullptr,
                .device = model.device(),
                .dtype = model.dtype(),
                .source = model.source()});
}

double loss_of(const Model& model, const Batch& batch) {
  return some_loss(model.forward(batch).logits.to(at::kDouble)).item<double>();
}

// How far the gradient of tensor `i` is from a central difference along one direction, relative to
// the gradient's size.
double gap_of(const Model& model, const Batch& batch, std::size_t i, const Tensor& gradient) {
  Weights weights = model.weights();
  Tensor* tensor = trainable_tensors(weights, model.config())[i];
  const Tensor value = *tensor;
  const Tensor wave = at::arange(value.numel(), at::kFloat).mul(0.7).sin().view(value.sizes());
  const double size = value.square().mean().sqrt().item<double>() + 0.05;
  const Tensor direction = wave * size;
  const auto at = [&](double step) {
    *tensor = value + direction * step;
    if (model.config().tied_embeddings && tensor == &weights.W_E) {
      weights.W_U = *tensor;
    }
    return loss_of(with_weights(model, weights), batch);
  };
  const double measured = (at(4e-3) - at(-4e-3)) / 8e-3;
  const Tensor slopes = gradient.to(at::kDouble) * direction.to(at::kDouble);
  return std::abs(slopes.sum().item<double>() - measured) /
         (slopes.square().sum().sqrt().item<double>() + 0.5);
}

}  // namespace

TEST_CASE("the gradient of every parameter is the slope of the forward pass, family by family") {
  const OneThread one;
  for (const char* name : {"gpt2", "llama3_gqa_tied", "hooked_plain", "gemma2"}) {
    const Model model = load(huggingface_fixture(name));
    const auto expected = read_tensors(huggingface_fixture(name).expected);
    const Batch batch = batch_of({prompt(expected, 0), prompt(expected, 1)});
    const ParameterGradients found = parameter_gradients(model, batch, some_loss);
    CHECK(difference(found.logits, model.forward(batch).logits) < 1e-4);
    CHECK(std::abs(found.loss - loss_of(model, batch)) < 1e-2);
    for (std::size_t i = 0; i < found.gradients.size(); ++i) {
      CAPTURE(name, i);
      CHECK(gap_of(model, batch, i, found.gradients[i]) < 2e-2);
      CHECK_FALSE(found.gradients[i].requires_grad());
    }
  }
}

TEST_CASE("a gradient with ReLU in place of softmax is the slope too") {
  const OneThread one;
  const Model plain = load(huggingface_fixture("hooked_plain"));
  ModelConfig config = plain.config();
  config.normalizer = PatternNormalizer::relu;
  const Model model({.config = config,
                     .weights = plain.weights(),
                     .tokenizer = nullptr,
                     .device = {},
                     .dtype = DType::f32,
                     .source = {}});
  const auto expected = read_tensors(huggingface_fixture("hooked_plain").expected);
  const Batch batch = batch_of({prompt(expected, 0)});
  const ParameterGradients found = parameter_gradients(model, batch, some_loss);
  for (std::size_t i = 0; i < found.gradients.size(); ++i) {
    CAPTURE(i);
    CHECK(gap_of(model, batch, i, found.gradients[i]) < 2e-2);
  }
}
