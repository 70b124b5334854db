// Attention as a program, as a C++ notebook: what may stand in a head's place, what it costs there,
// and a plan that spares the heads that need everything. `headscope operator` does the same.
//
//   build/notebooks/06_operators [MODEL] [OUT.html]
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "analyses/attribution/agreement.h"
#include "analyses/head_detectors/texts.h"
#include "analyses/operators/operator_effects.h"
#include "analyses/operators/operator_measure.h"
#include "analyses/operators/plan_method.h"
#include "analyses/operators/text_scores.h"
#include "cli/render/head_map.h"
#include "cli/render/report.h"
#include "lib/base/version.h"
#include "lib/families/load.h"
#include "lib/model/attention_plan.h"

using namespace headscope;

namespace {

// %% [markdown]
// ## What may stand in a head's place
// An operator says which keys a query sees, how scores become weights, or where tokens lie. Each
// has a definition in plain loops that tests hold it to.

// %%
void operators(Report& report) {
  Table table({{"operator"}, {"kind"}, {"what it does"}, {"source"}});
  for (const AttentionOperator& kind : all_operators()) {
    table.row({kind.name, to_string(kind.kind), kind.summary, kind.source});
  }
  report.table(table, "`headscope operator show NAME` says the rest.");
}

// %% [markdown]
// ## What one costs
// Every head of some layers is replaced alone by streaming attention: the first four tokens and the
// last sixteen. Its cost is what the model then loses in predicting a text.

// %%
constexpr const char* kChoice = "streaming:sink=4,local=16";

struct Costs {
  HeadScores delta;          // of the layers that were measured; 0 elsewhere
  std::vector<double> lost;  // attention that is lost, one a measured head
  std::vector<double> cost;  // ΔNLL, likewise
};

Prompt text_for(const Model& model) {
  const std::string text(domain_texts().front().text);
  const std::int64_t tokens = std::min<std::int64_t>(96, model.config().n_ctx);
  return text_windows(model, text, "the prose", {.tokens = tokens, .windows = 1}).front();
}

Costs measured(Report& report, const Model& model, const Prompt& text) {
  const ModelConfig& c = model.config();
  const OperatorEffects effects(model, text.tokens);
  Costs costs{HeadScores(HeadGrid{c.n_layers, c.n_heads}), {}, {}};
  const std::int64_t step = std::max<std::int64_t>(1, c.n_layers / 4);
  for (std::int64_t layer = 0; layer < c.n_layers; layer += step) {
    const LayerEffects all = effects.of_layer(
        layer, parse_operator(kChoice), {.control = OperatorEffectsOptions::Control::none});
    for (std::int64_t head = 0; head < c.n_heads; ++head) {
      const auto at = [&](OperatorMeasure m) {
        return all[static_cast<std::size_t>(m)][static_cast<std::size_t>(head)];
      };
      costs.cost.push_back(at(OperatorMeasure::nll) - effects.unchanged_nll());
      costs.lost.push_back(1.0 - at(OperatorMeasure::retained));
      costs.delta[{layer, head}] = costs.cost.back();
    }
  }
  HeatMap map = head_map(costs.delta);
  map.title = fmt::format("{} in the place of one head", kChoice);
  map.value_name = "ΔNLL (nats)";
  map.color_map = ColorMap::diverging;
  report.figure(to_svg(map), fmt::format("Every {}. layer.", step));
  return costs;
}

// %% [markdown]
// ## Which cheap measure to trust
// The attention that an operator leaves out is known without running the model on. How well it
// ranks heads by what they cost is a number.

// %%
void cheap(Report& report, const Costs& costs) {
  const auto agreement = pearson(ranks(costs.lost), ranks(costs.cost));
  report.text(agreement ? fmt::format("Rank correlation of the attention lost with ΔNLL over {} "
                                      "heads: {:.2f}.",
                                      costs.cost.size(),
                                      *agreement)
                        : "No head loses more than another.");
}

// %% [markdown]
// ## A plan
// Half of the KV heads keep everything, once chosen by RazorAttention's echo and induction scores
// and once at random; the others stream. What is asked of the model afterwards knows nothing of it.

// %%
double nll_with(const Model& model, const Prompt& text) {
  const Batch batch({text.tokens});
  const Tensor stream = model.forward(batch, {.logits = Logits::none}).residual;
  return TextScores(model, text.tokens, stream).unchanged_nll();
}

void planned(Report& report, const Model& model, const Prompt& text) {
  Table table({{"heads that keep everything"}, {"NLL", 4}});
  table.row({"all", nll_with(model, text)});
  for (const PlanMethod& method : all_plan_methods()) {
    if (method.kept != nullptr && method.reads.empty()) {
      const std::vector<HeadId> kept = heads_kept(model, method, {.razor_tokens = 12});
      const auto plan =
          std::make_shared<AttentionPlan>(plan_around(model, kept, parse_operator(kChoice)));
      table.row(
          {fmt::format("half, by {}", method.name), nll_with(with_attention(model, plan), text)});
    }
  }
  report.table(table, "The text above, under each plan.");
}

int run(const std::string& name, const std::string& out) {
  Report report({.title = "Attention as a program",
                 .subtitle = "Operators in the place of heads of " + name,
                 .footer = fmt::format("headscope {}", kVersion),
                 .source = __FILE__});
  const Model model = load_model(name);
  const Prompt text = text_for(model);
  operators(report);
  const Costs costs = measured(report, model, text);
  cheap(report, costs);
  planned(report, model, text);
  report.write(out);
  fmt::print("{}\n", out);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  return run(argc > 1 ? argv[1] : "smollm2", argc > 2 ? argv[2] : "out/06_operators.html");
} catch (const std::exception& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
