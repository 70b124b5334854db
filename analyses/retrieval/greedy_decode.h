// The likeliest continuation of several prompts at once, and where each head looked on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyses/retrieval/cache_rows.h"
#include "analyses/retrieval/retrieval_taps.h"
#include "hooks/tap_list.h"

namespace headscope {

struct DecodeOptions {
  std::int64_t max_new = 50;
  Tap* mask = nullptr;
  TopKeysTap* keys = nullptr;
};

// A step of all rows. A row that has ended goes on with the others; what it writes then is not
// shown.
struct DecodeStep {
  std::vector<std::int32_t> written;  // [rows]
  std::vector<char> live;             // [rows]; the step that writes the stop token is live
  Tensor keys;  // [rows, n_layers, n_heads, top_k] columns, where DecodeOptions::keys is set
};

// `last` is each row's last prompt token, the first input. A row ends behind the first token with a
// newline, a token that ends a response (Tokenizer::is_end), after max_new steps or at the end of
// the model's context.
void greedy_decode(const Model& model,
                   CacheRows& rows,
                   const std::vector<std::int32_t>& last,
                   const DecodeOptions& options,
                   const std::function<void(const DecodeStep&)>& each);

// True for tokens that end a response.
bool ends_response(const Model& model, std::int32_t token);

}  // namespace headscope
