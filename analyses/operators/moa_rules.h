// Spans that grow with the text, one rule a KV head, chosen under a budget by what the loss is
// expected to lose with the attention that a rule hides (MoA, Fu et al. 2024, arXiv:2406.14909).
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/head_id.h"
#include "lib/model/attention_plan.h"
#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

struct SpanRule {
  double alpha = 0.0;
  double beta = 1.0;
  bool operator==(const SpanRule&) const = default;
};

struct MoaOptions {
  std::int64_t sink = 4;
  // Pairs that are tried: alpha, in eighths of the longest text, and beta. A pair that spans no
  // token of a text, or more than all, is left out.
  std::vector<double> alphas{-1.0, 0.0, 1.0};
  std::vector<double> betas{0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0};
};

// What a rule in the place of a KV head's query heads is expected to cost, of each KV head in the
// order of HeadGrid::heads(): [KV heads][rules], nats a token; and how much of what is seen it
// keeps.
struct SpanInfluence {
  std::vector<SpanRule> rules{};
  std::vector<std::vector<double>> loss{};
  std::vector<double> density{};  // of a rule, mean over texts
};

// The first-order effect of hiding key j from query i and sharing its attention among the others:
// E = −A · (g − Σ_k g_k A_k) / (1 − A), g = ∂(Σ −ln p)/∂A. Throws UsageError for no texts or one of
// fewer than 2 tokens.
SpanInfluence span_influence(const Model& model,
                             const std::vector<Prompt>& texts,
                             const MoaOptions& options);

// A rule for each KV head (its number in `rules`) whose sum of losses is as small as found with a
// mean density of at most `budget`: along the lower hulls of loss against density, the steepest
// steps first, which is the best there is at every density where a step ends. Throws UsageError if
// the sparsest rules are denser than that.
std::vector<std::size_t> chosen_rules(const SpanInfluence& influence, double budget);

// The plan of them; heads whose rule hides nothing have no operator. UsageError if that is all.
AttentionPlan moa_plan(const Model& model,
                       const std::vector<Prompt>& texts,
                       double budget,
                       const MoaOptions& options = {});

}  // namespace headscope
