#include "tests/support/mutants.h"

#include "tests/support/catch.h"

namespace headscope::test {
namespace {

double logit_error(const Model& model, const Tensors& expected) {
  return difference(model.forward(batch_of({prompt(expected, 0)})).logits, expected.at("logits.0"));
}

}  // namespace

Tensor& of_block(Weights& weights, std::size_t layer, Tensor BlockWeights::*field) {
  Tensor& tensor = weights.blocks.at(layer).*field;
  tensor = tensor.clone();
  return tensor;
}

void check_mutants(const std::vector<Mutant>& mutants) {
  for (const Mutant& mutant : mutants) {
    for (const char* name : mutant.fixtures) {
      INFO(mutant.what << " in " << name);
      const FixtureModel fixture = huggingface_fixture(name);
      const Tensors expected = read_tensors(fixture.expected);
      const Model whole = load(fixture);
      CHECK(logit_error(altered(whole, [](auto&, auto&) {}), expected) <= kTolerance);
      CHECK(logit_error(altered(whole, mutant.change), expected) > kFar);
    }
  }
}

}  // namespace headscope::test
