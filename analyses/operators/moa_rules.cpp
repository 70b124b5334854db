#include "analyses/operators/moa_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <ATen/ops/log_softmax.h>

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/model/gradients.h"
#include "lib/tensor/backend.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

std::vector<SpanRule> tried_rules(const std::vector<Prompt>& texts, const MoaOptions& options) {
  double shortest = std::numeric_limits<double>::infinity();
  double longest = 0.0;
  for (const Prompt& text : texts) {
    const auto tokens = static_cast<double>(text.tokens.size());
    shortest = std::min(shortest, tokens);
    longest = std::max(longest, tokens);
  }
  std::vector<SpanRule> rules;
  for (const double eighths : options.alphas) {
    for (const double beta : options.betas) {
      const SpanRule rule{.alpha = std::floor(eighths * longest / 8.0), .beta = beta};
      const double of_short = rule.alpha + beta * shortest;
      const double of_long = rule.alpha + beta * longest;
      const bool is_new = std::ranges::find(rules, rule) == rules.end();
      if (is_new && std::min(of_short, of_long) >= 1.0 && of_short <= shortest &&
          of_long <= longest) {
        rules.push_back(rule);
      }
    }
  }
  return rules;
}

// [T, T] f32: 1 where a query does not see a key that it would see without the rule.
Tensor hidden_by(const SpanRule& rule,
                 std::int64_t tokens,
                 std::int64_t sink,
                 const at::Device& on) {
  const Tensor place = at::arange(tokens, at::TensorOptions().dtype(at::kDouble).device(on));
  const Tensor query = place.view({-1, 1});
  const Tensor key = place.view({1, -1});
  const Tensor span = ((query + 1.0) * rule.beta + rule.alpha).floor().clamp_min(1.0);
  return key.ge(sink).logical_and((query - key).ge(span)).logical_and(key.le(query)).to(at::kFloat);
}

// Adds what the rules hide of every layer's pattern.
class InfluenceTap final : public GradientTap {
 public:
  InfluenceTap(SpanInfluence& into, const Model& model, const Tensor& hidden, double share)
      : into_(into), model_(model), hidden_(hidden), share_(share) {}

  [[nodiscard]] bool wants(HookPoint point) const override { return point.site == Site::pattern; }

  void visit(const Visit& visit, const Tensor& pattern, const Tensor& gradient) override {
    constexpr double kLeast = 1e-6;  // of what a query has left for other keys
    const Tensor mean = (gradient * pattern).sum(-1, true);
    const Tensor effect =
        -(pattern * (gradient - mean)) / (1.0 - pattern).clamp_min(kLeast);  // [1, H, T, T]
    const std::int64_t kv_heads = model_.config().n_kv_heads;
    const Tensor by_kv = effect[0].view({kv_heads, -1, pattern.size(2), pattern.size(3)}).sum(1);
    const Tensor lost =
        at::matmul(by_kv.flatten(1), hidden_.to(by_kv.device()).flatten(1).transpose(0, 1));
    const std::vector<float> numbers = to_floats(lost.contiguous());
    const std::size_t rules = into_.rules.size();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::size_t head = static_cast<std::size_t>(visit.point.layer * kv_heads) + i / rules;
      into_.loss[head][i % rules] += share_ * static_cast<double>(numbers[i]);
    }
  }

 private:
  SpanInfluence& into_;
  const Model& model_;
  Tensor hidden_;  // [rules, T, T]
  double share_;
};

Objective loss_of(const std::vector<std::int32_t>& tokens) {
  return [&tokens](const Tensor& logits) {
    const std::vector<std::int64_t> after(tokens.begin() + 1, tokens.end());
    const Tensor next = index_tensor(after, logits.device()).view({1, -1, 1});
    const Tensor log_probs = at::log_softmax(logits.narrow(1, 0, next.size(1)), -1);
    return -log_probs.gather(2, next).sum({1, 2});
  };
}

// Throws ResourceError before the maps of a text are made: what every rule hides, the patterns of a
// layer and their gradients, each twice where it is stacked or changed.
void check_room(const Model& model, std::size_t rules, std::int64_t count) {
  const std::int64_t maps = 2 * (static_cast<std::int64_t>(rules) + 2 * model.config().n_heads);
  const std::int64_t need = maps * count * count * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t have = std::min(available_memory(), free_memory(model.device()));
  if (need > have) {
    throw ResourceError(
        "spans of a text of {} tokens need {} and {} is free; shorter texts "
        "(--context) need less",
        count,
        format_bytes(need),
        format_bytes(have));
  }
}

void add_text(SpanInfluence& influence,
              const Model& model,
              const std::vector<std::int32_t>& tokens,
              const MoaOptions& options,
              double share) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  check_room(model, influence.rules.size(), count);
  std::vector<Tensor> hidden;
  const double seen = static_cast<double>(count) * static_cast<double>(count + 1) / 2.0;
  for (std::size_t i = 0; i < influence.rules.size(); ++i) {
    hidden.push_back(hidden_by(influence.rules[i], count, options.sink, at::kCPU));
    influence.density[i] += share * (1.0 - hidden.back().sum().item<double>() / seen);
  }
  InfluenceTap tap(influence, model, at::stack(hidden), share / static_cast<double>(count - 1));
  gradients(model, Batch({tokens}), loss_of(tokens), tap, {}, Logits::all);
}

// Options of one head on the lower hull of loss against density, the sparsest first.
std::vector<std::size_t> hull(const SpanInfluence& influence, const std::vector<double>& loss) {
  std::vector<std::size_t> order(influence.rules.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return std::pair(influence.density[a], loss[a]) < std::pair(influence.density[b], loss[b]);
  });
  const auto slope = [&](std::size_t a, std::size_t b) {
    return (loss[a] - loss[b]) / (influence.density[b] - influence.density[a]);
  };
  std::vector<std::size_t> kept;
  for (const std::size_t next : order) {
    if (!kept.empty() && loss[next] >= loss[kept.back()]) {
      continue;  // denser and no better
    }
    while (kept.size() > 1 &&
           slope(kept.back(), next) >= slope(kept[kept.size() - 2], kept.back())) {
      kept.pop_back();
    }
    kept.push_back(next);
  }
  return kept;
}

struct HullStep {
  std::size_t head;
  std::size_t to;  // in the head's hull
  double slope;
  double density;  // that it adds
};

std::vector<HullStep> steps_of(const SpanInfluence& influence,
                               const std::vector<std::vector<std::size_t>>& hulls) {
  std::vector<HullStep> steps;
  for (std::size_t head = 0; head < hulls.size(); ++head) {
    for (std::size_t to = 1; to < hulls[head].size(); ++to) {
      const std::size_t from = hulls[head][to - 1];
      const std::size_t next = hulls[head][to];
      const double denser = influence.density[next] - influence.density[from];
      const double better = influence.loss[head][from] - influence.loss[head][next];
      steps.push_back({.head = head, .to = to, .slope = better / denser, .density = denser});
    }
  }
  std::ranges::stable_sort(steps, std::greater<>(), &HullStep::slope);
  return steps;
}

}  // namespace

SpanInfluence span_influence(const Model& model,
                             const std::vector<Prompt>& texts,
                             const MoaOptions& options) {
  if (texts.empty()) {
    throw UsageError("the influence of spans is of texts; there is none");
  }
  for (const Prompt& text : texts) {
    if (text.tokens.size() < 2) {
      throw UsageError("prompt {}: the influence of spans needs 2 tokens at least", text.id);
    }
  }
  SpanInfluence influence{.rules = tried_rules(texts, options)};
  if (influence.rules.empty()) {
    throw UsageError("no span is tried: a rule needs an alpha or a beta above 0");
  }
  const auto heads = static_cast<std::size_t>(model.config().n_layers * model.config().n_kv_heads);
  influence.loss.assign(heads, std::vector<double>(influence.rules.size()));
  influence.density.assign(influence.rules.size(), 0.0);
  for (const Prompt& text : texts) {
    add_text(influence, model, text.tokens, options, 1.0 / static_cast<double>(texts.size()));
  }
  return influence;
}

std::vector<std::size_t> chosen_rules(const SpanInfluence& influence, double budget) {
  std::vector<std::vector<std::size_t>> hulls;
  std::vector<std::size_t> at;
  double density = 0.0;
  for (const std::vector<double>& loss : influence.loss) {
    hulls.push_back(hull(influence, loss));
    at.push_back(0);
    density += influence.density[hulls.back().front()];
  }
  const double allowed = budget * static_cast<double>(hulls.size());
  if (density > allowed) {
    throw UsageError("a budget of {} is below {:.3f}, the density of the sparsest spans; give more",
                     budget,
                     density / static_cast<double>(hulls.size()));
  }
  for (const HullStep& step : steps_of(influence, hulls)) {
    if (at[step.head] + 1 == step.to && density + step.density <= allowed) {
      at[step.head] = step.to;
      density += step.density;
    }
  }
  std::vector<std::size_t> chosen;
  for (std::size_t head = 0; head < hulls.size(); ++head) {
    chosen.push_back(hulls[head][at[head]]);
  }
  return chosen;
}

AttentionPlan moa_plan(const Model& model,
                       const std::vector<Prompt>& texts,
                       double budget,
                       const MoaOptions& options) {
  const SpanInfluence influence = span_influence(model, texts, options);
  const std::vector<std::size_t> chosen = chosen_rules(influence, budget);
  const std::int64_t kv_heads = model.config().n_kv_heads;
  const std::int64_t group = model.config().heads_per_kv();
  std::vector<AttentionPlan::Part> parts;
  for (std::size_t rule = 0; rule < influence.rules.size(); ++rule) {
    const auto [alpha, beta] = influence.rules[rule];
    AttentionPlan::Part part{
        operator_choice(
            find_operator("span"),
            {{"alpha", alpha}, {"beta", beta}, {"sink", static_cast<double>(options.sink)}}),
        {}};
    for (std::size_t head = 0; head < chosen.size(); ++head) {
      const auto number = static_cast<std::int64_t>(head);
      for (std::int64_t i = 0; chosen[head] == rule && i < group; ++i) {
        part.heads.push_back({number / kv_heads, number % kv_heads * group + i});
      }
    }
    const bool whole = influence.rules[rule] == SpanRule{};
    if (!part.heads.empty() && !whole) {
      parts.push_back(std::move(part));
    }
  }
  return AttentionPlan(std::move(parts), model.config());
}

}  // namespace headscope
