// Models broken in the ways real loaders get broken: each must fall far outside the tolerance of
// parity_test.cpp, which the whole one stays in.
#pragma once

#include <functional>
#include <vector>

#include "tests/support/fixture.h"

namespace headscope::test {

inline constexpr double kFar = 20 * kTolerance;

struct Mutant {
  const char* what;
  std::vector<const char*> fixtures;  // of huggingface_fixture()
  std::function<void(ModelConfig&, Weights&)> change;
};

// A tensor of one block, copied, so that a change of it leaves other models alone.
Tensor& of_block(Weights& weights, std::size_t layer, Tensor BlockWeights::*field);

void check_mutants(const std::vector<Mutant>& mutants);

}  // namespace headscope::test
