#include "analyses/steering/applied.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kEmphasisingHeads = 25;
constexpr double kOutsideWeight = 0.01;

// The prompt's keys outside the span; what is written keeps its weight.
std::vector<Intervention> emphasis(const std::vector<HeadId>& heads,
                                   const std::string& span,
                                   double alpha) {
  std::vector<Intervention> edits = at_heads(heads, Op::renormalize, alpha, Site::attn_scores);
  for (Intervention& edit : edits) {
    edit.where.keys.phase = Phase::prefill;
    edit.where.keys.except = TokenSet{.spans = {span}};
  }
  return edits;
}

// 1 at keys of the span and behind the prompt, alpha at others: [B, 1, 1, keys].
Tensor key_weights(const Visit& visit, const std::string& span, double alpha, std::int64_t keys) {
  Tensor weights = at::full({visit.layout.rows, 1, 1, keys}, alpha, at::kFloat);
  for (std::int64_t row = 0; row < visit.layout.rows; ++row) {
    const RowText* text = visit.layout.text(row);
    if (text == nullptr || !text->spans.contains(span)) {
      throw UsageError("pasta: a prompt has no span \"{}\"", span);
    }
    const Span own = text->spans.at(span);
    const std::int64_t pad = visit.layout.pads[static_cast<std::size_t>(row)];
    weights[row].narrow(2, pad + own.begin, own.end - own.begin).fill_(1.0);
    const std::int64_t written = pad + text->prompt_tokens;
    weights[row].narrow(2, written, keys - written).fill_(1.0);
  }
  return weights;
}

// Σ (pattern' − pattern) · gradient, pattern' the re-weighted one.
HeadEstimate reweighting(const std::string& span, double alpha) {
  return [span, alpha](const Visit& visit, const Tensor& pattern, const Tensor& gradient) {
    const Tensor own = pattern.to(at::kFloat);
    const Tensor weighted = own * key_weights(visit, span, alpha, own.size(3)).to(own.device());
    const Tensor sums = weighted.sum(-1, true).clamp_min(1e-30);
    return ((weighted / sums - own) * gradient.to(at::kFloat)).sum(at::IntArrayRef{0, 2, 3});
  };
}

Steering fit_pasta(const SteerRequest& request) {
  if (!request.settings.span) {
    throw UsageError("pasta needs --span NAME, the part of the prompts that heads should heed");
  }
  const Model& model = request.model;
  const std::string& span = *request.settings.span;
  const double alpha = request.settings.alpha.value_or(kOutsideWeight);
  if (!(alpha > 0.0)) {
    throw UsageError("--alpha {}: the weight of keys outside the span, above 0", alpha);
  }
  const Contrast contrast(request.fit);
  const HeadScores estimates =
      estimated_effects(model, contrast, Site::pattern, reweighting(span, alpha));
  const HeadChoice choice{
      .change = [&](const HeadId& head) { return taps_of(model, emphasis({head}, span, alpha)); },
      .count = static_cast<std::size_t>(request.settings.top.value_or(kEmphasisingHeads)),
      .goal = goal_of(request.settings)};
  const std::vector<MeasuredHead> heads = choose_heads(model, contrast, estimates, choice);
  Steering out{.direction = direction_of(model, "pasta", Op::renormalize),
               .edits = emphasis(heads_of(heads), span, alpha)};
  out.chosen["heads"] = to_json(heads);
  return out;
}

}  // namespace

SteerMethod pasta_method() {
  return {.name = "pasta",
          .summary = "Chosen heads heed a part of the prompt more",
          .definition =
              "the attention of a head to keys of the prompt outside --span is multiplied by alpha "
              "(default 0.01) and renormalised, which is log alpha on their scores; heads are "
              "profiled one by one: of the 3 · --top best estimates Σ (A' − A) · ∂score/∂A the "
              "effects are measured, and --top (default 25) kept",
          .source = "Zhang et al. 2023, Tell your model where to attend, arXiv:2311.02262",
          .reads = {"span", "top", "alpha", "goal"},
          .fit = fit_pasta};
}

}  // namespace headscope
