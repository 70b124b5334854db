#include "analyses/steering/steer_eval.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "analyses/steering/contrast.h"
#include "hooks/intervention_tap.h"
#include "lib/base/error.h"
#include "lib/base/ordered_json.h"

namespace headscope {
namespace {

std::shared_ptr<const InterventionPlan> plan_of(const Model& model,
                                                const std::vector<Intervention>& edits,
                                                const NamedValues& named) {
  std::vector<EditStep> steps;
  for (const Intervention& edit : edits) {
    if (edit.where.prompts) {
      throw UsageError("{}: the task's prompts are all steered; leave \"prompts\" out", edit.site);
    }
    steps.push_back({edit});
  }
  return std::make_shared<const InterventionPlan>(
      std::move(steps), named, model.config(), model.source().weights_hash);
}

// Neutral text stands for what is written step by step, where each token is the last one in turn.
std::vector<Intervention> on_neutral_text(std::vector<Intervention> edits) {
  for (Intervention& edit : edits) {
    if (edit.where.positions == std::vector<std::int64_t>{-1}) {
      edit.where.positions.reset();
    }
  }
  return edits;
}

TapMaker taps_of_plan(const std::shared_ptr<const InterventionPlan>& plan) {
  return [plan] { return std::make_unique<InterventionTap>(plan); };
}

struct NeutralSetting {
  const Model& model;
  const NeutralText& text;
  SpanShares spans;  // of the task
};

SideEffects side_effects(const NeutralSetting& neutral,
                         const std::vector<Intervention>& edits,
                         const NamedValues& named) {
  const auto plan = plan_of(neutral.model, on_neutral_text(edits), named);
  return neutral.text.under(neutral.model, taps_of_plan(plan), neutral.spans);
}

std::vector<double> differences(const std::vector<double>& after,
                                const std::vector<double>& before) {
  std::vector<double> out;
  for (std::size_t i = 0; i < after.size(); ++i) {
    out.push_back(after[i] - before[i]);
  }
  return out;
}

void set_random_interval(SteerEval& eval) {
  const auto n = static_cast<double>(eval.random.size());
  if (eval.random.size() < 2) {
    eval.random_low = eval.random_high = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  const double mean = mean_of(eval.random);
  double squares = 0.0;
  for (const double x : eval.random) {
    squares += (x - mean) * (x - mean);
  }
  const double reach =
      t_95(std::ssize(eval.random) - 1) * std::sqrt(squares / (n - 1.0)) * std::sqrt(1.0 + 1.0 / n);
  eval.random_low = mean - reach;
  eval.random_high = mean + reach;
}

OrderedJson to_json(const TaskScores& scores) {
  return {{"score", headscope::to_json(scores.score)}, {"preferred", scores.preferred}};
}

}  // namespace

double t_95(std::int64_t degrees_of_freedom) {
  constexpr std::array kTable{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                              2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                              2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                              2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
  if (degrees_of_freedom < 1) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const auto place = static_cast<std::size_t>(degrees_of_freedom - 1);
  return place < kTable.size() ? kTable[place] : 2.042;  // of 30: a little wider than of more
}

TaskScores task_scores(const std::vector<double>& scores, std::uint64_t seed) {
  const auto above =
      std::count_if(scores.begin(), scores.end(), [](double score) { return score > 0.0; });
  return {summarize(scores, {.seed = seed}),
          static_cast<double>(above) / static_cast<double>(scores.size())};
}

bool SteerEval::works() const {
  const bool real = effect.has_interval() && (effect.low > 0.0 || effect.high < 0.0);
  return real && (effect.mean < random_low || effect.mean > random_high);
}

SteerEval evaluate_edits(const Model& model,
                         const std::vector<Intervention>& edits,
                         const NamedValues& named,
                         const SteerData& task,
                         const NeutralText& neutral,
                         const SteerEvalOptions& options) {
  const Contrast contrast(task);
  const NeutralSetting plain{model, neutral, span_shares(task)};
  const auto plan = plan_of(model, edits, named);
  const std::vector<double> before = contrast.scores(model, unchanged);
  const std::vector<double> after = contrast.scores(model, taps_of_plan(plan));
  plan->check_fired();
  SteerEval eval{.before = task_scores(before, options.seed),
                 .after = task_scores(after, options.seed),
                 .effect = summarize(differences(after, before), {.seed = options.seed}),
                 .side = side_effects(plain, edits, named),
                 .perplexity_before = neutral.perplexity(),
                 .item_effects = differences(after, before),
                 .control = control_kinds(edits).words()};
  Random random(options.seed, "steer controls");
  const std::int64_t draws = eval.control == "none" ? 0 : options.draws;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    if (options.stop && options.stop()) {
      throw Interrupted();
    }
    const ControlEdits drawn = random_counterpart(model, edits, named, random);
    const TapMaker taps = taps_of_plan(plan_of(model, drawn.edits, drawn.named));
    eval.random.push_back(mean_of(differences(contrast.scores(model, taps), before)));
    eval.random_kl.push_back(side_effects(plain, drawn.edits, drawn.named).kl);
    if (options.progress) {
      options.progress(static_cast<double>(draw + 1) / static_cast<double>(draws));
    }
  }
  set_random_interval(eval);
  return eval;
}

SteerRival evaluate_rival(const Model& model,
                          const std::vector<Intervention>& edits,
                          const SteerEval& eval,
                          const SteerData& task,
                          const NeutralText& neutral,
                          std::uint64_t seed) {
  const Contrast contrast(task);
  const auto plan = plan_of(model, edits, {});
  const std::vector<double> own =
      differences(contrast.scores(model, taps_of_plan(plan)), contrast.scores(model, unchanged));
  plan->check_fired();
  return {.effect = summarize(own, {.seed = seed}),
          .more = summarize(differences(eval.item_effects, own), {.seed = seed}),
          .side = side_effects({model, neutral, span_shares(task)}, edits, {})};
}

OrderedJson to_json(const Summary& summary) {
  return {{"mean", finite_or_null(summary.mean)},
          {"low", finite_or_null(summary.low)},
          {"high", finite_or_null(summary.high)}};
}

OrderedJson to_json(const SteerEval& eval) {
  return {{"before", to_json(eval.before)},
          {"after", to_json(eval.after)},
          {"effect", to_json(eval.effect)},
          {"control", eval.control},
          {"random", eval.random},
          {"random_low", finite_or_null(eval.random_low)},
          {"random_high", finite_or_null(eval.random_high)},
          {"works", eval.works()},
          {"kl", finite_or_null(eval.side.kl)},
          {"random_kl", eval.random_kl},
          {"perplexity", finite_or_null(eval.side.perplexity)},
          {"perplexity_before", finite_or_null(eval.perplexity_before)}};
}

OrderedJson to_json(const SteerRival& rival) {
  return {{"effect", to_json(rival.effect)},
          {"more", to_json(rival.more)},
          {"kl", finite_or_null(rival.side.kl)},
          {"perplexity", finite_or_null(rival.side.perplexity)}};
}

}  // namespace headscope
