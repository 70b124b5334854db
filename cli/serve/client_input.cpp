#include "cli/serve/client_input.h"

#include <algorithm>

#include "cli/http/http_error.h"
#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::vector<std::int32_t> encoded(const PromptField& prompt,
                                  const Model& model,
                                  const ChatPrompt& chat) {
  if (!prompt.tokens.empty()) {
    return prompt.tokens;
  }
  if (!model.has_tokenizer()) {
    throw HttpError(400, "this model came without a tokenizer: send the prompt as token ids");
  }
  if (prompt.text) {
    return model.tokenizer().encode(*prompt.text);
  }
  if (!chat) {
    throw HttpError(
        400, "this model's files have no chat template: use /v1/completions", "no_chat_template");
  }
  return chat(prompt.messages);
}

// Names of values are hashes of directions: their numbers take their place.
void bring_numbers(Intervention& what, const Directions& directions) {
  if (what.values.name.empty()) {
    return;
  }
  const auto direction = directions.find(what.values.name);
  if (direction == nullptr) {
    throw HttpError(
        404,
        "direction " + what.values.name + " was dropped for newer ones: upload it again",
        "direction_not_found");
  }
  what.values = {};
  what.values.numbers.assign(direction->numbers.begin(), direction->numbers.end());
  what.values.shape = direction->shape;
}

}  // namespace

std::vector<std::int32_t> prompt_tokens(const PromptField& prompt,
                                        const Model& model,
                                        const ChatPrompt& chat) {
  std::vector<std::int32_t> tokens = encoded(prompt, model, chat);
  const ModelConfig& config = model.config();
  if (tokens.empty()) {
    throw HttpError(400, "the prompt is empty", "empty_prompt");
  }
  if (static_cast<std::int64_t>(tokens.size()) >= config.n_ctx) {
    throw HttpError(400,
                    fmt::format("the prompt has {} tokens: the model's context of {} leaves no "
                                "place for another",
                                tokens.size(),
                                config.n_ctx),
                    "context_length_exceeded");
  }
  const auto outside = std::find_if(tokens.begin(), tokens.end(), [&](std::int32_t token) {
    return token < 0 || token >= config.d_vocab;
  });
  if (outside != tokens.end()) {
    throw HttpError(400,
                    fmt::format("token {} is not one of the model's {}", *outside, config.d_vocab));
  }
  return tokens;
}

std::shared_ptr<const StandingChange> client_change(const Json& interventions,
                                                    const Model& model,
                                                    const Directions& directions) {
  if (interventions.is_null()) {
    return nullptr;
  }
  try {
    std::vector<Intervention> list = interventions_from_json(interventions, "interventions");
    for (Intervention& what : list) {
      bring_numbers(what, directions);
    }
    std::string hash = Hasher().update(interventions.dump()).digest();
    return std::make_shared<const StandingInterventions>(
        std::move(list), model, std::move(hash), "interventions");
  } catch (const Error& error) {
    throw HttpError(400, error.what(), "invalid_interventions");
  }
}

void check_changed_something(const StandingChange* change) {
  if (change == nullptr) {
    return;
  }
  try {
    change->check_fired();
  } catch (const UsageError& error) {
    throw HttpError(400, error.what(), "intervention_changed_nothing");
  }
}

}  // namespace headscope
