// headscope intervene: what a document of interventions will do, before a model runs with it.
#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "cli/verbs.h"
#include "hooks/embedded_schema.h"
#include "hooks/intervention_json.h"
#include "hooks/intervention_plan.h"
#include "hooks/intervention_words.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

constexpr std::int64_t kExampleTokens = 1024;

struct InterveneArguments {
  std::string what;
  std::string file;
  std::string model;
};

// Bytes of f32 that an intervention has formed beside the fused path, for one prompt.
std::int64_t bytes_formed(const InterventionWords& words, const ModelConfig& config) {
  const auto scores = static_cast<std::int64_t>(words.forms_scores.size()) * config.n_heads *
                      kExampleTokens * kExampleTokens;
  const auto results = static_cast<std::int64_t>(words.forms_results.size()) * config.n_heads *
                       kExampleTokens * config.d_model;
  return 4 * (scores + results);
}

std::string cost_words(const InterventionWords& words, const ModelConfig& config) {
  if (words.forms_scores.empty() && words.forms_results.empty()) {
    return "attention stays fused";
  }
  const double mib = static_cast<double>(bytes_formed(words, config)) / (1 << 20);
  return words.forms_scores.empty()
             ? fmt::format(
                   "forms every head's share of the output, {} × {} numbers a token and layer: "
                   "{:.1f} MiB for {} tokens",
                   config.n_heads,
                   config.d_model,
                   mib,
                   grouped(kExampleTokens))
             : fmt::format(
                   "leaves the fused path in {} of {} layers, which form scores of every query "
                   "and key: {:.1f} MiB for {} tokens, growing with their square",
                   words.forms_scores.size(),
                   config.n_layers,
                   mib,
                   grouped(kExampleTokens));
}

OrderedJson json_of(const InterventionWords& words, const ModelConfig& config) {
  return {{"does", words.does},
          {"where", words.where},
          {"points", words.points},
          {"fused", words.forms_scores.empty()},
          {"layers_forming_scores", words.forms_scores},
          {"layers_forming_results", words.forms_results},
          {"cost", cost_words(words, config)}};
}

void check_document(const InterveneArguments& options, const Invocation& invocation) {
  if (options.file.empty() || options.model.empty()) {
    throw UsageError("intervene check needs FILE, a file of interventions, and MODEL");
  }
  const Model model = load_model(options.model, load_options(invocation.common));
  const InterventionPlan plan = plan_of_file(options.file, model);
  OrderedJson list = OrderedJson::array();
  std::string text;
  for (const InterventionWords& words : in_words(plan)) {
    text += fmt::format("{}  {}\n", list.size(), words.does);
    text += words.where.empty() ? "" : fmt::format("   {}\n", words.where);
    text += fmt::format("   {}; {}\n", words.points, cost_words(words, model.config()));
    list.push_back(json_of(words, model.config()));
  }
  if (list.empty()) {
    text = "no interventions: the model runs as it is, bit for bit\n";
  }
  show(invocation,
       {{"file", options.file}, {"model", options.model}, {"interventions", list}},
       text);
}

void run(const InterveneArguments& options, const Invocation& invocation) {
  if (options.what == "check") {
    check_document(options, invocation);
  } else if (!options.file.empty() || !options.model.empty()) {
    throw UsageError("intervene schema takes neither a file nor a model");
  } else {
    print(interventions_schema());
  }
}

}  // namespace

Verb intervene_verb() {
  return {
      .name = "intervene",
      .summary = "What a file of interventions will do to a model, and what files may say",
      .example =
          "  headscope intervene check edits.json smollm2\n"
          "  headscope intervene schema > interventions.schema.json",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<InterveneArguments>();
        app.add_option("WHAT", options->what, "check or schema")
            ->required()
            ->check(CLI::IsMember({"check", "schema"}));
        app.add_option("FILE", options->file, "The file of interventions to check");
        app.add_option("MODEL,--model", options->model, "The model it is for");
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
