// What a model answered, and how much of the answer it holds.
#pragma once

#include <string>
#include <vector>

#include "analyses/retrieval/retrieval.h"

namespace headscope {

// Trimmed, without the end-of-sequence token; "" for a model without a tokenizer.
std::string response_text(const Model& model, std::vector<std::int32_t> tokens);

// True for tokens that end a response: Tokenizer::is_end, or what holds a newline.
bool ends_response(const Model& model, std::int32_t token);

// Percent: ROUGE-1 recall of the answer's words, or of the needle's tokens where there is no text.
double recall_of(const Model& model, const RetrievalPrompt& prompt, const RetrievalSample& sample);

}  // namespace headscope
