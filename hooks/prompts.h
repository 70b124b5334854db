// Prompts from JSONL: {"text": "…"} or {"tokens": […]}, with optional "id" and
// "spans": {"subject": [3, 5]} (half-open token ranges of the prompt as run, BOS counted) or
// {"subject": "The Eiffel Tower"} (the tokens of a text that the prompt holds once).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/model/model.h"
#include "lib/text/line_fields.h"
#include "lib/text/prompt.h"

namespace headscope {

inline constexpr JsonlKind kPromptLines{.named = "the prompts",
                                        .said = "prompts are",
                                        .object = "a prompt is a JSON object, {\"text\": \"…\"}"};

// The text of each token, raw bytes; none of a model without a tokenizer.
std::vector<std::string> pieces_of(const std::vector<std::int32_t>& tokens, const Model& model);

// The prompt that a line's text or tokens, id and spans give, of whatever length and without
// pieces. The id is empty if the line has none. Throws DataError for what a line must not hold.
Prompt prompt_of(const LineFields& line, const Model& model, PrependBos bos);

struct PromptOptions {
  PrependBos bos = PrependBos::automatic;
};

// Throws DataError naming path:line for malformed JSON, an unknown key, a key or an id that stands
// twice, an empty prompt, a span outside the prompt, a token outside the vocabulary, or a prompt
// longer than the context.
std::vector<Prompt> read_prompts(const std::filesystem::path& jsonl,
                                 const Model& model,
                                 const PromptOptions& options);

// One prompt, of a text or of token ids. Throws DataError as read_prompts() does, and for a text if
// the model came without a tokenizer.
Prompt make_prompt(const std::string& text, const Model& model, const PromptOptions& options);
Prompt make_prompt(std::vector<std::int32_t> tokens, const Model& model);

}  // namespace headscope
