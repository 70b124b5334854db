// Ready prompts for retrieval, from JSONL.
#pragma once

#include <filesystem>
#include <vector>

#include "analyses/retrieval/niah.h"

namespace headscope {

// A line: {"text": "…"} or {"tokens": […]}, {"spans": {"needle": [b, e]}} (half-open, of the prompt
// as run) or, with a tokenizer, "answer": "…" alone, which is then looked for; "id" optional.
// `context` and `depth` are those the tokens have. Throws DataError naming path:line.
std::vector<NiahPrompt> read_retrieval_prompts(const std::filesystem::path& jsonl,
                                               const Model& model,
                                               PrependBos bos);

}  // namespace headscope
