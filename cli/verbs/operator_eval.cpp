// headscope operator eval: what a plan costs on texts, against as many heads at random.
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/metric/summary.h"
#include "analyses/operators/plan_effects.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/operators/operator_texts.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct EvalArguments {
  std::string model;
  std::string plan;
  OperatorTexts texts;
  std::int64_t draws = 3;
};

// Nats above the model as it is, of each text.
Summary nll_above(const PlanEffects& effects,
                  const std::vector<TextScore>& scores,
                  std::uint64_t seed) {
  std::vector<double> above;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    above.push_back(scores[i].nll - effects.unchanged_nll[i]);
  }
  return summarize(above, {.seed = seed});
}

double mean_kl(const std::vector<TextScore>& scores) {
  std::vector<double> kl;
  for (const TextScore& each : scores) {
    kl.push_back(each.kl);
  }
  return mean_of(kl);
}

Table eval_table(const PlanEffects& effects, std::uint64_t seed) {
  Table table(
      {{"heads"}, {"ΔNLL", 4, "delta_nll"}, {"95 % low", 4}, {"95 % high", 4}, {"KL", 4, "kl"}});
  const auto add = [&](const std::string& name, const std::vector<TextScore>& scores) {
    const Summary above = nll_above(effects, scores, seed);
    table.row({name, above.mean, cell_of(above.low), cell_of(above.high), mean_kl(scores)});
  };
  add("of the plan", effects.plan);
  for (std::size_t draw = 0; draw < effects.random.size(); ++draw) {
    add(fmt::format("as many at random, draw {}", draw + 1), effects.random[draw]);
  }
  return table;
}

void evaluate_plan(const EvalArguments& options, const Invocation& invocation) {
  catch_interrupts();
  const Model model = load_model(options.model, load_options(invocation.common));
  const Model planned = with_plan(model, options.plan);
  const std::vector<Prompt> texts = operator_texts(options.texts, model, "operator eval");
  Progress bar(std::ssize(texts), {.label = "judging", .unit = "texts"});
  const std::uint64_t seed = invocation.common.seed;
  const PlanEffects effects = plan_effects(
      model,
      *planned.attention_plan(),
      texts,
      {.draws = options.draws, .seed = seed, .stop = interrupted, .each = [&bar] { bar.add(); }});
  const Table table = eval_table(effects, seed);
  const double nll = mean_of(effects.unchanged_nll);
  const Json from = provenance(planned,
                               {.command_line = invocation.command_line,
                                .seed = seed,
                                .prepend_bos = options.texts.prompts.bos});
  show(invocation,
       {{"model", options.model},
        {"plan", options.plan},
        {"texts", texts.size()},
        {"nll", nll},
        {"effects", table.json()},
        {"provenance", OrderedJson::parse(from.dump())}},
       facts({{"model", options.model},
              {"plan", options.plan},
              {"NLL of the model", fmt::format("{:.4f}", nll)},
              {"texts", std::to_string(texts.size())}}) +
           "\n" + table.text());
}

}  // namespace

Verb operator_eval_verb() {
  return {
      .name = "operator eval",
      .summary = "What a plan of attention costs on texts, against as many heads at random",
      .example =
          "  headscope operator eval smollm2 --attention plan.json --text book.txt\n"
          "  headscope operator eval smollm2 --attention plan.json --prompts p.jsonl --draws 5",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<EvalArguments>();
        add_model(app, options->model);
        app.add_option("--attention", options->plan, "The plan (operator plan, or by hand)")
            ->required()
            ->check(names_a_file);
        add_operator_texts(app, options->texts);
        app.add_option("--draws", options->draws, "Random plans beside it")
            ->check(CLI::Range(0, 1000))
            ->capture_default_str();
        return [options, &app, &invocation] {
          check_operator_texts(app, options->texts);
          evaluate_plan(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
