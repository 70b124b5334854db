#include "cli/serve/writing.h"

#include <algorithm>

#include "cli/http/http_routes.h"
#include "cli/intervene.h"
#include "cli/serve/client_input.h"
#include "lib/base/error.h"
#include "lib/generate/predictions.h"

namespace headscope {
namespace {

JobToken::Scored scored_token(const Model& model, std::int32_t token, float logprob) {
  return {.piece = piece_of(model, token), .logprob = static_cast<double>(logprob)};
}

JobToken job_token(const Model& model, const WrittenToken& written) {
  JobToken token{.scored = scored_token(model, written.token, written.logprob)};
  for (const WrittenToken::Alternative& other : written.top) {
    token.top.push_back(scored_token(model, other.token, other.logprob));
  }
  return token;
}

}  // namespace

TextRequest text_request(const Writing& writing) {
  const TextJob& job = writing.job;
  TextRequest request;
  request.prompt = writing.prompt;
  request.spans = job.prompt.spans;
  request.sampler = {.temperature = job.temperature,
                     .top_k = job.top_k,
                     .top_p = job.top_p,
                     .min_p = job.min_p,
                     .repetition_penalty = job.repetition_penalty,
                     .seed = job.seed};
  request.stop.ids = writing.stop_ids;
  request.stop.strings = job.stops;
  request.stop.max_new = job.most_tokens;
  request.change = writing.change;
  request.top_logprobs = job.top_logprobs;
  return request;
}

bool runs_best_alone(const StandingChange* change, const ModelConfig& config) {
  if (change == nullptr) {
    return false;
  }
  const auto tap = change->tap();
  for (int layer = 0; layer < config.n_layers; ++layer) {
    if (tap->wants_attention(layer)) {
      return true;
    }
  }
  return tap->wants({Site::pos_embed, kNoLayer}) != Interest::none;
}

std::int64_t tell_new_tokens(Writing& writing, const GeneratedText& now, const Model& model) {
  // The token that ends a turn is not part of what was said.
  const std::size_t said = now.tokens.size() - (now.ended == Ended::id ? 1 : 0);
  for (std::size_t i = 0; i < std::min(writing.told.size(), said); ++i) {
    if (now.tokens[i].token != writing.told[i]) {
      throw HttpError(503,
                      "a step failed beside another text, and run again by itself this one rounds "
                      "to another token; send it again",
                      "restarted");
    }
  }
  std::int64_t count = 0;
  for (; writing.told_tokens < said; ++writing.told_tokens) {
    writing.told.push_back(now.tokens[writing.told_tokens].token);
    JobToken token = job_token(model, now.tokens[writing.told_tokens]);
    if (writing.told_tokens + 1 == now.tokens.size()) {
      token.text = now.text.substr(std::min(writing.told_bytes, now.text.size()));
      writing.told_bytes += token.text.size();
    }
    ++count;
    writing.listener->wrote(token);
  }
  return count;
}

TextEnd end_of(const Writing& writing,
               const GeneratedText& text,
               const Model& model,
               const LookLimits& limits) {
  check_changed_something(writing.change.get());
  TextEnd end{.reason = text.ended == Ended::id || text.ended == Ended::string ? "stop" : "length",
              .text = text.text.substr(std::min(writing.told_bytes, text.text.size())),
              .prompt_tokens = static_cast<std::int64_t>(writing.prompt.size()),
              .written_tokens = static_cast<std::int64_t>(text.tokens.size()),
              .interventions = fired_json(writing.change.get())};
  if (writing.job.hooks) {
    Prompt prompt;
    prompt.tokens = writing.prompt;
    prompt.spans = writing.job.prompt.spans;
    end.hooks = values_json(model.with(writing.change),
                            computed_text(std::move(prompt), text),
                            *writing.job.hooks,
                            limits);
  }
  return end;
}

HttpError http_error_of(const std::exception_ptr& error, const Json& interventions) {
  try {
    std::rethrow_exception(error);
  } catch (const HttpError& refused) {
    return refused;
  } catch (const UsageError& usage) {
    // All else of a request was looked at before it ran.
    return interventions.is_null()
               ? HttpError(400, usage.what())
               : HttpError(400, usage.what(), "invalid_interventions", "interventions");
  } catch (...) {
    const HttpResponse response = response_to(error);
    const Json body = Json::parse(response.body);
    return {response.status, body["error"]["message"].get<std::string>()};
  }
}

}  // namespace headscope
