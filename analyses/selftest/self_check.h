// Identities that hold for every transformer, whatever its family and weights. A model that nobody
// here has seen can be trusted as far as they hold for it: they tie the parts of the forward pass
// to each other (heads to the stream, patterns to z, caches to whole prompts, gradients to
// differences), though not to another program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/model/model.h"

namespace headscope {

struct SelfCheckInput {
  const Model& model;
  // Token ids, all within the vocabulary, of different lengths of at least 2.
  std::vector<std::vector<std::int32_t>> prompts;
};

// How far an identity is from holding: the largest |left − right|, as a share of the largest |left|
// of the values compared.
struct Deviation {
  double value = 0.0;
  std::string where{};  // where it is largest: "blocks.3.attn.hook_z"
};

struct SelfCheck {
  std::string_view name;  // "heads-sum"
  std::string_view says;  // the identity, in one sentence
  double rounding = 1.0;  // its tolerance, in units of what the dtype rounds
  Deviation (*measure)(const SelfCheckInput& input);
  // Why the identity is not defined for a model; empty: it is.
  std::string (*undefined)(const Model& model);
};

// In the order they are run and shown.
const std::vector<SelfCheck>& all_self_checks();

struct SelfCheckResult {
  const SelfCheck* check = nullptr;
  Deviation deviation;
  double tolerance = 0.0;
  std::string undefined{};  // the reason, of a check that was not run

  [[nodiscard]] bool holds() const { return undefined.empty() && deviation.value <= tolerance; }
};

// Runs every check. Throws what Model::forward() throws, so that a model that cannot run is told as
// such.
std::vector<SelfCheckResult> self_test(const SelfCheckInput& input);

// `count` prompts of random tokens, the first the longest, none longer than the context.
std::vector<std::vector<std::int32_t>> self_test_prompts(const ModelConfig& config,
                                                         std::uint64_t seed);

}  // namespace headscope
