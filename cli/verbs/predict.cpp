// headscope predict: the likeliest next tokens of a prompt.
#include <CLI/CLI.hpp>

#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/predictions.h"
#include "cli/verbs.h"
#include "hooks/prompts.h"
#include "lib/base/json.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

struct PredictArguments {
  std::string model;
  std::string prompt;
  std::string intervene;
  int top = 5;
  PrependBos bos = PrependBos::automatic;
};

struct PredictOutcome {
  std::string model;
  Prompt prompt;
  std::vector<Prediction> top;
  Json interventions = nullptr;
};

PredictOutcome predict(const PredictArguments& options, const CommonOptions& common) {
  const Model model = load_with(options.model, common, options.intervene);
  PredictOutcome result{.model = options.model,
                        .prompt = make_prompt(options.prompt, model, {.bos = options.bos}),
                        .top = {}};
  const ForwardResult pass = model.forward(Batch({result.prompt.tokens}), {.logits = Logits::last});
  check_fired(model);
  if (model.standing()) {
    result.interventions = model.standing()->description();
  }
  result.top =
      top_predictions(to_floats(pass.logits), model, static_cast<std::size_t>(options.top));
  return result;
}

OrderedJson to_json(const PredictOutcome& result) {
  OrderedJson json{{"model", result.model},
                   {"prompt", result.prompt.text},
                   {"tokens", result.prompt.tokens},
                   {"top", headscope::to_json(result.top)}};
  if (!result.interventions.is_null()) {
    json["interventions"] = OrderedJson::parse(result.interventions.dump());
  }
  return json;
}

}  // namespace

Verb predict_verb() {
  return {
      .name = "predict",
      .summary = "The likeliest next tokens of a prompt",
      .example =
          "  headscope predict smollm2 --top 5 --prompt \"When Mary and John went to the "
          "store, John gave a drink to\"\n"
          "  echo '{\"version\": 1, \"interventions\": [{\"site\": \"blocks.23.attn.hook_z\", "
          "\"heads\": [3],\n    \"op\": \"zero\"}]}' > edits.json\n"
          "  headscope predict smollm2 --intervene edits.json --prompt \"When Mary and John went "
          "to the store, John gave a drink to\"",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<PredictArguments>();
        add_model(app, options->model);
        app.add_option("--prompt", options->prompt, "The text")->required();
        app.add_option("--top", options->top, "How many tokens")
            ->check(CLI::Range(1, 1 << 24))
            ->capture_default_str();
        add_prepend_bos(app, options->bos);
        add_intervene(app, options->intervene);
        return [options, &invocation] {
          const PredictOutcome result = predict(*options, invocation.common);
          show(invocation, to_json(result), prediction_table(result.top).text());
        };
      },
  };
}

}  // namespace headscope
