// What a client sent, made ready for a model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/api/directions.h"
#include "cli/api/values_job.h"
#include "lib/model/model.h"
#include "lib/model/standing_change.h"

namespace headscope {

// Messages as the model was trained to read them; empty if its files do not say how.
using ChatPrompt = std::function<std::vector<std::int32_t>(const Json& messages)>;

// Throws HttpError 400: an empty prompt, one that leaves the context no place for a token, a token
// outside the vocabulary, a span outside the prompt, messages without a chat template, text without
// a tokenizer.
std::vector<std::int32_t> prompt_tokens(const PromptField& prompt,
                                        const Model& model,
                                        const ChatPrompt& chat);

// The document that intervention_field() let pass; null gives null. Throws HttpError 400 with what
// interventions_from_json() and InterventionPlan say, 404 for a direction that was dropped
// meanwhile.
std::shared_ptr<const StandingChange> client_change(const Json& interventions,
                                                    const Model& model,
                                                    const Directions& directions);

// The direction that a client uploads: the description and the values that `headscope steer fit`
// wrote. Throws HttpError 400: not such files, of another model, or with numbers that are not
// finite.
std::shared_ptr<const SteeringDirection> client_direction(const Json& description,
                                                          const std::string& values,
                                                          const Model& model);

// Throws HttpError 400 naming an edit that changed nothing.
void check_changed_something(const StandingChange* change);

}  // namespace headscope
