#include "analyses/operators/plan_method.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "analyses/head_lists/read_head_list.h"
#include "analyses/operators/moa_rules.h"
#include "analyses/operators/operator_summary.h"
#include "analyses/operators/razor_scores.h"
#include "lib/base/error.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

HeadGrid kv_grid(const Model& model) {
  return {model.config().n_layers, model.config().n_kv_heads};
}

void check_plan_grid(const HeadGrid& there, const HeadGrid& here, const PlanRequest& request) {
  if (!(there == here)) {
    throw DataError("{}: of a model of {} layers of {} heads, but this one has {} of {}",
                    request.file,
                    there.n_layers,
                    there.n_heads,
                    here.n_layers,
                    here.n_heads);
  }
}

// Of the query heads that share a KV head their sum, or the largest.
HeadScores by_kv_head(const HeadScores& scores,
                      const Model& model,
                      double (*join)(double, double)) {
  HeadScores joined(kv_grid(model), -std::numeric_limits<double>::infinity());
  const std::int64_t group = model.config().heads_per_kv();
  for (const HeadId& head : scores.heads()) {
    double& of_group = joined[{head.layer, head.head / group}];
    of_group = std::isinf(of_group) ? scores[head] : join(of_group, scores[head]);
  }
  return joined;
}

double largest_of(double a, double b) {
  return std::max(a, b);
}

std::vector<HeadId> kept_by_loss(const Model& model,
                                 const PlanRequest& request,
                                 std::size_t count) {
  const OperatorSummary measured = summarize(read_operator_results(request.file));
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  check_plan_grid(measured.delta_nll.grid, grid, request);
  const auto sum = [](double a, double b) { return a + b; };
  return top_heads(by_kv_head(measured.delta_nll, model, sum), count);
}

std::vector<HeadId> kept_by_list(const Model& model,
                                 const PlanRequest& request,
                                 std::size_t count) {
  const HeadList list = read_head_list(request.file);
  const bool of_queries = list.space == HeadSpace::query;
  check_plan_grid(
      list.scores.grid,
      of_queries ? HeadGrid{model.config().n_layers, model.config().n_heads} : kv_grid(model),
      request);
  return top_heads(of_queries ? by_kv_head(list.scores, model, largest_of) : list.scores, count);
}

// The best of induction, and of echo one for fourteen of them.
std::vector<HeadId> kept_by_razor(const Model& model,
                                  const PlanRequest& request,
                                  std::size_t count) {
  const RazorScores scores =
      razor_scores(model, {.tokens = request.razor_tokens, .seed = request.seed});
  const auto ranked = [&](const HeadScores& of) {
    return ranked_heads(by_kv_head(of, model, largest_of));
  };
  const auto by_echo = std::max<std::size_t>(1, count / 15);
  std::set<HeadId> kept;
  for (const HeadId& head : ranked(scores.echo)) {
    if (kept.size() < by_echo) {
      kept.insert(head);
    }
  }
  for (const HeadId& head : ranked(scores.induction)) {
    if (kept.size() < count) {
      kept.insert(head);
    }
  }
  return {kept.begin(), kept.end()};
}

std::vector<HeadId> kept_at_random(const Model& model,
                                   const PlanRequest& request,
                                   std::size_t count) {
  Random random(request.seed, "attention plan");
  return random.sample(kv_grid(model).heads(), count);
}

constexpr PlanMethod kPlanMethods[] = {
    {.name = "greedy",
     .summary = "Keeps the heads whose replacement cost most when each was measured alone",
     .source = "ours",
     .reads = "a measurement (operator measure -o)",
     .kept = kept_by_loss},
    {.name = "list",
     .summary = "Keeps the best of a published list, such as DuoAttention's gates",
     .source = "Xiao et al. 2024, arXiv:2410.10819 (a quantile of the gates)",
     .reads = "a list of heads (headscope compare tells the formats)",
     .kept = kept_by_list},
    {.name = "razor",
     .summary = "Keeps the heads that attend to earlier copies of a token and to what followed",
     .source = "Tang et al. 2024, arXiv:2407.15891 (14 parts by induction, 1 by echo)",
     .reads = "",
     .kept = kept_by_razor},
    {.name = "random",
     .summary = "Keeps heads at random: the control at the same budget",
     .source = "control",
     .reads = "",
     .kept = kept_at_random},
    {.name = "moa",
     .summary = "Gives each KV head a span of last tokens that grows with the text, by gradients",
     .source = "Fu et al. 2024, arXiv:2406.14909",
     .reads = "",
     .plan =
         [](const Model& model, const PlanRequest& request) {
           return moa_plan(model, request.texts, request.budget);
         }},
};

}  // namespace

std::span<const PlanMethod> all_plan_methods() {
  return kPlanMethods;
}

AttentionPlan chosen_plan(const Model& model,
                          const PlanMethod& method,
                          const PlanRequest& request) {
  if (!(request.budget > 0.0) || !(request.budget < 1.0)) {
    throw UsageError("a budget of {}; give a share above 0 and below 1", request.budget);
  }
  if (!request.file.empty()) {
    throw UsageError("method {} reads no file: leave out --from", method.name);
  }
  return method.plan(model, request);
}

std::vector<HeadId> heads_kept(const Model& model,
                               const PlanMethod& method,
                               const PlanRequest& request) {
  if (method.kept == nullptr) {
    throw UsageError("method {} chooses operators itself, and no heads that keep everything",
                     method.name);
  }
  if (method.reads.empty() != request.file.empty()) {
    throw UsageError("method {} reads {}",
                     method.name,
                     method.reads.empty() ? "no file: leave out --from"
                                          : fmt::format("{}: give it with --from", method.reads));
  }
  const std::size_t all = kv_grid(model).size();
  const auto count =
      static_cast<std::size_t>(std::llround(request.budget * static_cast<double>(all)));
  if (!(request.budget > 0.0) || !(request.budget < 1.0) || count == 0 || count == all) {
    throw UsageError(
        "a budget of {} keeps {} of {} KV heads; give a share above 0 and below 1 that leaves some "
        "of both",
        request.budget,
        count,
        all);
  }
  std::vector<HeadId> kept = method.kept(model, request, count);
  std::sort(kept.begin(), kept.end());
  return kept;
}

AttentionPlan plan_around(const Model& model,
                          const std::vector<HeadId>& kept_kv_heads,
                          const OperatorChoice& choice) {
  const std::set<HeadId> kept(kept_kv_heads.begin(), kept_kv_heads.end());
  const std::int64_t group = model.config().heads_per_kv();
  AttentionPlan::Part part{choice, {}};
  for (const HeadId& head : kv_grid(model).heads()) {
    for (std::int64_t i = 0; !kept.contains(head) && i < group; ++i) {
      part.heads.push_back({head.layer, head.head * group + i});
    }
  }
  return AttentionPlan({std::move(part)}, model.config());
}

std::string duo_attention_tsv(const Model& model, const std::vector<HeadId>& kept_kv_heads) {
  const std::set<HeadId> kept(kept_kv_heads.begin(), kept_kv_heads.end());
  std::string text;
  for (const HeadId& head : kv_grid(model).heads()) {
    const bool last = head.head + 1 == model.config().n_kv_heads;
    text += fmt::format("{:.18e}{}", kept.contains(head) ? 1.0 : 0.0, last ? '\n' : '\t');
  }
  return text;
}

}  // namespace headscope
