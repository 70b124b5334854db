// headscope predict: the likeliest next tokens of a prompt, or of a masked one those at its masks.
#include <CLI/CLI.hpp>

#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/predictions.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/prompts.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/model/attention_plan.h"
#include "lib/model/mask_token.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

struct PredictArguments {
  std::string model;
  std::string prompt;
  std::vector<std::int32_t> tokens;
  std::string intervene;
  std::string attention;
  int top = 5;
  PrependBos bos = PrependBos::automatic;
};

struct PredictOutcome {
  std::string model;
  Prompt prompt;
  struct At {
    std::int64_t position = 0;  // the token in whose place, or behind which, they are expected
    std::vector<Prediction> top;
  };
  std::vector<At> places;
  Json interventions = nullptr;
  Json attention = nullptr;
};

// Of a model of masked tokens every [MASK]; of others the last token.
std::vector<std::int64_t> asked_at(const Model& model, const Prompt& prompt) {
  const auto length = static_cast<std::int64_t>(prompt.tokens.size());
  if (model.config().head != OutputHead::masked_lm) {
    return {length - 1};
  }
  const auto mask = mask_token(model);
  std::vector<std::int64_t> places;
  for (std::int64_t at = 0; mask && at < length; ++at) {
    if (prompt.tokens[static_cast<std::size_t>(at)] == *mask) {
      places.push_back(at);
    }
  }
  if (places.empty()) {
    throw UsageError("--prompt: this model predicts the token at a {}, and there is none in it",
                     mask ? model.tokenizer().piece(*mask) : "[MASK], which its tokenizer lacks");
  }
  return places;
}

PredictOutcome predict(const PredictArguments& options, const CommonOptions& common) {
  const Model model = load_with(options.model, common, options.intervene, options.attention);
  PredictOutcome result{.model = options.model,
                        .prompt = options.tokens.empty()
                                      ? make_prompt(options.prompt, model, {.bos = options.bos})
                                      : make_prompt(options.tokens, model),
                        .places = {}};
  const std::vector<std::int64_t> places = asked_at(model, result.prompt);
  const std::vector<std::vector<std::int32_t>> rows(places.size(), result.prompt.tokens);
  Batch batch(rows);
  batch.number_prompts(std::vector<std::int64_t>(places.size(), 0));
  if (model.config().head == OutputHead::masked_lm) {
    batch.read_at(places);
  }
  const Tensor logits = model.forward(batch, {.logits = Logits::last}).logits;
  check_fired(model);
  if (model.standing()) {
    result.interventions = model.standing()->description();
  }
  if (model.attention_plan()) {
    result.attention = attention_provenance(*model.attention_plan());
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Tensor row = logits[static_cast<std::int64_t>(i)];
    result.places.push_back(
        {places[i], top_predictions(to_floats(row), model, static_cast<std::size_t>(options.top))});
  }
  return result;
}

std::string to_text(const PredictOutcome& result) {
  std::string text;
  for (const auto& [position, top] : result.places) {
    text += result.places.size() > 1 ? fmt::format("token {}\n", position) : "";
    text += prediction_table(top).text();
  }
  return text;
}

OrderedJson to_json(const PredictOutcome& result) {
  OrderedJson json{{"model", result.model},
                   {"prompt", result.prompt.text},
                   {"tokens", result.prompt.tokens},
                   {"top", headscope::to_json(result.places.front().top)}};
  if (result.places.size() > 1) {
    json["masks"] = OrderedJson::array();
    for (const auto& [position, top] : result.places) {
      json["masks"].push_back({{"position", position}, {"top", headscope::to_json(top)}});
    }
  }
  if (!result.interventions.is_null()) {
    json["interventions"] = OrderedJson::parse(result.interventions.dump());
  }
  if (!result.attention.is_null()) {
    json["attention"] = OrderedJson::parse(result.attention.dump());
  }
  return json;
}

}  // namespace

Verb predict_verb() {
  return {
      .name = "predict",
      .summary = "The likeliest next tokens of a prompt, or those at its [MASK]",
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
        auto* prompt = app.add_option("--prompt", options->prompt, "The text");
        app.add_option("--tokens",
                       options->tokens,
                       "Token ids instead, commas between: the model needs no tokenizer then")
            ->delimiter(',')
            ->allow_extra_args(false)
            ->excludes(prompt);
        app.add_option("--top", options->top, "How many tokens")
            ->check(CLI::Range(1, 1 << 24))
            ->capture_default_str();
        add_prepend_bos(app, options->bos);
        add_intervene(app, options->intervene);
        add_attention(app, options->attention);
        return [options, &app, &invocation] {
          if (!was_given(app, "prompt") && options->tokens.empty()) {
            throw UsageError("predict needs a prompt: --prompt TEXT or --tokens IDS");
          }
          if (!options->tokens.empty() && was_given(app, "prepend-bos")) {
            throw UsageError("--tokens is the whole prompt: leave out --prepend-bos");
          }
          const PredictOutcome result = predict(*options, invocation.common);
          show(invocation, to_json(result), to_text(result));
        };
      },
  };
}

}  // namespace headscope
