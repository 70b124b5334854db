#include "analyses/selftest/self_check.h"

#include <algorithm>

#include "analyses/selftest/layer_checks.h"
#include "analyses/selftest/pass_checks.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

std::string always(const Model&) {
  return "";
}

// What one value of the dtype rounds by, grown by the sums of a pass. f32: the tests of headscope
// hold fixtures to 1e-5; a model of many layers is given ten times that.
double rounding_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 1e-4;
    case DType::f16:
      return 2e-2;
    default:
      return 1e-1;  // bf16: 8 bits
  }
}

}  // namespace

const std::vector<SelfCheck>& all_self_checks() {
  static const std::vector<SelfCheck> checks{
      {.name = "pattern-rows",
       .says = "the weights that a query gives its keys sum to 1 (at most 1 beside sinks)",
       .rounding = 0.1,
       .measure = pattern_rows_against_one,
       .undefined = needs_softmax},
      {.name = "causal-pattern",
       .says = "no query gives weight to a later key",
       .rounding = 0.0,
       .measure = unseen_keys_against_zero,
       .undefined = needs_causal},
      {.name = "pattern-z",
       .says = "z is the pattern times the values",
       .measure = pattern_against_z,
       .undefined = always},
      {.name = "heads-sum",
       .says = "the results of all heads and b_O sum to the attention's output",
       .measure = heads_against_output,
       .undefined = always},
      {.name = "stream-sum",
       .says = "each block adds to the stream what attention and MLP write, and nothing else",
       .measure = parts_against_stream,
       .undefined = always},
      {.name = "head-knockout",
       .says = "without a head, the attention's output lacks that head's result and nothing else",
       .measure = head_against_its_result,
       .undefined = always},
      {.name = "future",
       .says = "another last token changes no logit before it",
       .measure = future_against_past,
       .undefined = needs_causal},
      {.name = "cache",
       .says = "a prompt read token by token from a KV cache has the logits of the whole prompt",
       .measure = cached_against_whole,
       .undefined = needs_one_rotation},
      {.name = "batch",
       .says = "a prompt padded beside longer ones has the logits it has alone",
       .measure = batched_against_alone,
       .undefined = always},
      {.name = "looking",
       .says = "a pass whose every hook point is looked at has the logits of one that is not",
       .rounding = 0.1,
       .measure = looked_at_against_alone,
       .undefined = always},
      {.name = "gradient",
       .says = "the gradient at the middle of the stream is the slope of two passes from beside it",
       .rounding = 100.0,
       .measure = gradient_against_difference,
       .undefined = needs_f32},
  };
  return checks;
}

std::vector<SelfCheckResult> self_test(const SelfCheckInput& input) {
  std::vector<SelfCheckResult> results;
  for (const SelfCheck& check : all_self_checks()) {
    SelfCheckResult result{.check = &check,
                           .deviation = {},
                           .tolerance = check.rounding * rounding_of(input.model.dtype()),
                           .undefined = check.undefined(input.model)};
    if (result.undefined.empty()) {
      result.deviation = check.measure(input);
    }
    results.push_back(result);
  }
  return results;
}

std::vector<std::vector<std::int32_t>> self_test_prompts(const ModelConfig& config,
                                                         std::uint64_t seed) {
  Random random(seed, "selftest");
  std::vector<std::vector<std::int32_t>> prompts;
  for (const std::int64_t length : {24, 7, 2}) {
    std::vector<std::int32_t> prompt(static_cast<std::size_t>(std::min(length, config.n_ctx)));
    for (std::int32_t& token : prompt) {
      token = static_cast<std::int32_t>(random.below(static_cast<std::size_t>(config.d_vocab)));
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace headscope
