// What clients may ask, read from JSON and held to the limits.
#pragma once

#include <cstdint>
#include <string>

#include "cli/api/directions.h"
#include "cli/api/text_job.h"
#include "cli/api/values_job.h"

namespace headscope {

struct ApiLimits {
  std::int64_t prompt_bytes = 1 << 20;
  std::int64_t tokens = 4096;            // that one text may have written
  std::size_t stops = 16;                // stop strings
  std::size_t hooks = 64;                // patterns of hook points in one request
  std::size_t edits = 256;               // interventions in one request
  std::int64_t answer_bytes = 64 << 20;  // of values that are told
  std::size_t body_bytes = 8 << 20;
  std::size_t direction_bytes = 64 << 20;       // of one upload
  std::size_t all_direction_bytes = 256 << 20;  // of all that are kept
};

// A request for a text: the job, and how its answer is told.
struct TextCall {
  TextJob job;
  enum class Form { completion, chat } form = Form::completion;
  enum class Delivery { whole, stream } delivery = Delivery::whole;
  std::string model{};        // as the client called it; "" if it did not
  bool usage_at_end = false;  // of a stream
  bool baseline = false;      // the same text without interventions beside it
  bool logprobs = false;
};

// What the requests are held against.
struct RequestContext {
  const ApiLimits& limits;
  const Directions& directions;
  std::uint64_t seed = 0;  // of requests that name none
};

// Each throws HttpError 400 naming the key that is wrong, 413 for what is too large.
TextCall completion_call(const Json& body, const RequestContext& context);
TextCall chat_call(const Json& body, const RequestContext& context);
ValuesJob values_job(const Json& body, const RequestContext& context);
AttentionJob attention_job(const Json& body, const RequestContext& context);

}  // namespace headscope
