// A text to be written, as the engine is asked for it, and what it tells on the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/api/values_job.h"
#include "cli/http/http_error.h"
#include "lib/base/json.h"

namespace headscope {

struct TextJob {
  PromptField prompt;
  Json interventions = nullptr;  // a document whose values name directions by hash; null: none
  double temperature = 1.0;
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  std::int64_t top_k = 0;
  std::uint64_t seed = 0;
  std::int64_t most_tokens = 16;
  std::vector<std::string> stops{};
  std::int64_t top_logprobs = 0;  // alternatives told for each token
  std::optional<ValuesJob>
      hooks{};  // looked at once the text is whole, under the same interventions
};

struct JobToken {
  struct Scored {
    std::string piece;  // raw bytes
    double logprob = 0.0;
  };
  Scored scored{};
  std::vector<Scored> top{};  // alternatives, likeliest first
  // What became final of the text with this token; "" while a character or a stop string may be
  // unfinished.
  std::string text{};
};

struct TextEnd {
  std::string reason;  // "stop" or "length"
  std::string text{};  // what was held back and turned out to belong to the text
  std::int64_t prompt_tokens = 0;
  std::int64_t written_tokens = 0;
  OrderedJson interventions = nullptr;  // how often each edit fired
  OrderedJson hooks = nullptr;          // values, if they were asked for
};

// All on the engine's thread: wrote() for each token, then either ended() or failed(), unless the
// text is cancelled before.
class TextListener {
 public:
  virtual ~TextListener() = default;
  virtual void wrote(const JobToken& token) = 0;
  virtual void ended(const TextEnd& end) = 0;
  virtual void failed(const HttpError& error) = 0;
};

}  // namespace headscope
