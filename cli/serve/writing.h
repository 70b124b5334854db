// A client's text under way: what was asked for, and how much the client has been told.
#pragma once

#include <exception>
#include <memory>
#include <vector>

#include "cli/api/engine.h"
#include "cli/serve/look.h"
#include "lib/generate/generate.h"

namespace headscope {

struct Writing {
  std::uint64_t number = 0;
  TextJob job;
  std::shared_ptr<TextListener> listener;
  std::shared_ptr<const StandingChange> change{};
  std::vector<std::int32_t> prompt{};
  std::vector<std::int32_t> stop_ids{};  // beside those of the model
  std::size_t told_tokens = 0;           // that the listener has heard of
  std::vector<std::int32_t> told{};      // their ids, which a text that runs again must write again
  std::size_t told_bytes = 0;
  bool alone = false;  // a step that it was part of has failed
};
using WritingPtr = std::shared_ptr<Writing>;

// As generation runs it, once its prompt and change are known.
TextRequest text_request(const Writing& writing);

// Whether a pass cannot run the change beside any other: one that reads a layer's attention, while
// another may put something in its place; one of values that are one for all rows.
bool runs_best_alone(const StandingChange* change, const ModelConfig& config);

// Tells the listener what has been written since the last time, and gives the number of tokens.
// Throws HttpError 503 if a text that runs again comes out otherwise than was told.
std::int64_t tell_new_tokens(Writing& writing, const GeneratedText& now, const Model& model);

// What the listener is told last. Throws as check_changed_something() and values_json() do.
TextEnd end_of(const Writing& writing,
               const GeneratedText& text,
               const Model& model,
               const LookLimits& limits);

// What was thrown while a request ran, as the server answers it: what the model's passes refuse of
// one with interventions (null: none) is theirs to mend.
HttpError http_error_of(const std::exception_ptr& error, const Json& interventions);

}  // namespace headscope
