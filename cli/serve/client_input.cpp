#include "cli/serve/client_input.h"

#include <algorithm>
#include <span>

#include <ATen/ops/isfinite.h>

#include "cli/http/http_error.h"
#include "hooks/address.h"
#include "hooks/direction.h"
#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"

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

// The points that `what` changes, but for what the plan will refuse.
std::vector<HookPoint> points_of(const Intervention& what, const ModelConfig& config) {
  std::vector<HookPoint> points = resolve_hooks(what.site, config);
  std::erase_if(points, [&](HookPoint point) {
    return what.layers &&
           std::find(what.layers->begin(), what.layers->end(), point.layer) == what.layers->end();
  });
  return points;
}

// Names of values are hashes of directions: the numbers of one tensor take its place, what a
// steering method learned is named for each point that it is put in at.
void bring_numbers(Intervention& what,
                   const Directions& directions,
                   const Model& model,
                   NamedValues& named) {
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
  if (direction->learned) {
    for (const HookPoint point : points_of(what, model.config())) {
      const std::string name = direction->hash + "/" + hook_name(point.site, point.layer);
      named[name] = direction_values(*direction->learned, what, point, model.source().weights_hash);
    }
    return;
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
    throw HttpError(400, "the prompt is empty", "empty_prompt", "prompt");
  }
  if (static_cast<std::int64_t>(tokens.size()) >= config.n_ctx) {
    throw HttpError(400,
                    fmt::format("the prompt has {} tokens: the model's context of {} leaves no "
                                "place for another",
                                tokens.size(),
                                config.n_ctx),
                    "context_length_exceeded",
                    "prompt");
  }
  const auto outside = std::find_if(tokens.begin(), tokens.end(), [&](std::int32_t token) {
    return token < 0 || token >= config.d_vocab;
  });
  if (outside != tokens.end()) {
    throw HttpError(400,
                    fmt::format("token {} is not one of the model's {}", *outside, config.d_vocab),
                    "invalid_parameter",
                    "prompt");
  }
  for (const auto& [name, span] : prompt.spans) {
    if (span.end > static_cast<std::int64_t>(tokens.size())) {
      throw HttpError(400,
                      fmt::format("span \"{}\" [{}, {}) does not lie in the prompt, which has {} "
                                  "tokens",
                                  name,
                                  span.begin,
                                  span.end,
                                  tokens.size()),
                      "invalid_parameter",
                      "spans");
    }
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
    NamedValues named;
    for (Intervention& what : list) {
      bring_numbers(what, directions, model, named);
    }
    std::string hash = Hasher().update(interventions.dump()).digest();
    return std::make_shared<const StandingInterventions>(
        std::move(list), model, std::move(hash), "interventions", named);
  } catch (const Error& error) {
    throw HttpError(400, error.what(), "invalid_interventions", "interventions");
  }
}

std::shared_ptr<const SteeringDirection> client_direction(const Json& description,
                                                          const std::string& values,
                                                          const Model& model) {
  const std::string& hash = model.source().weights_hash;
  try {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(values.data()), values.size());
    auto direction =
        std::make_shared<const SteeringDirection>(direction_from(description, bytes, ""));
    if (!hash.empty() && !direction->weights_hash.empty() && direction->weights_hash != hash) {
      throw DataError("direction.json: learned from another model ({}); fit it again with this one",
                      direction->model);
    }
    for (const SteeringDirection::Point& point : direction->points) {
      if (!at::isfinite(point.values).all().item<bool>()) {
        throw DataError("values.safetensors: {} has numbers that are not finite", point.name);
      }
    }
    return direction;
  } catch (const Error& error) {
    throw HttpError(400, error.what(), "invalid_direction");
  }
}

void check_changed_something(const StandingChange* change) {
  if (change == nullptr) {
    return;
  }
  try {
    change->check_fired();
  } catch (const UsageError& error) {
    throw HttpError(400, error.what(), "intervention_changed_nothing", "interventions");
  }
}

}  // namespace headscope
