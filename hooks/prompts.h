// Prompts from JSONL: {"text": "…"} or {"tokens": […]}, with optional "id" and
// "spans": {"subject": [3, 5]} (half-open token ranges of the prompt as run, BOS counted).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hooks/trace/trace_schema.h"
#include "lib/model/model.h"

namespace headscope {

struct PromptOptions {
  PrependBos bos = PrependBos::automatic;
};

// Throws DataError naming path:line for malformed JSON, an unknown key, a key or an id that stands
// twice, an empty prompt, a span outside the prompt, a token outside the vocabulary, or a prompt
// longer than the context.
std::vector<TracePrompt> read_prompts(const std::filesystem::path& jsonl,
                                      const Model& model,
                                      const PromptOptions& options);

TracePrompt make_prompt(const std::string& text, const Model& model, const PromptOptions& options);

}  // namespace headscope
