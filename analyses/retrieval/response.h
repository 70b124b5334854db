// What a model answered, and how much of the answer it holds.
#pragma once

#include <string>
#include <vector>

#include "analyses/retrieval/retrieval.h"

namespace headscope {

// Trimmed, without the end-of-sequence token; "" for a model without a tokenizer.
std::string response_text(const Model& model, std::vector<std::int32_t> tokens);

// Percent: ROUGE-1 recall of the answer's words, or of the needle's tokens where there is no text.
double recall_of(const Model& model, const RetrievalPrompt& prompt, const RetrievalSample& sample);

}  // namespace headscope
