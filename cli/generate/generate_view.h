// Texts that a model wrote, shown: one, or one without and one with a change beside each other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/render/table.h"
#include "lib/generate/generate.h"
#include "lib/text/prompt.h"

namespace headscope {

struct GeneratedPrompt {
  Prompt prompt;
  std::vector<GeneratedText> texts;  // a sample each, under the change if there is one
  std::optional<std::vector<GeneratedText>> unchanged{};  // the same without, if asked for
};

// Which token of one text stands beside which of the other: the longest common subsequence, and
// between its parts tokens beside each other as far as they go. −1: none.
struct AlignedTokens {
  std::int64_t unchanged = -1;
  std::int64_t changed = -1;
};
std::vector<AlignedTokens> aligned(const std::vector<WrittenToken>& unchanged,
                                   const std::vector<WrittenToken>& changed);

// The changed text on one line, tokens in [ ] that the unchanged one has not at their place.
std::string marked_text(const GeneratedText& unchanged,
                        const GeneratedText& changed,
                        const Model& model);

// step, unchanged, logprob, changed, logprob, and ≠ where they differ.
Table comparison_table(const GeneratedText& unchanged,
                       const GeneratedText& changed,
                       const Model& model);

std::string to_text(const std::vector<GeneratedPrompt>& prompts, const Model& model);
OrderedJson to_json(const std::vector<GeneratedPrompt>& prompts, const Model& model);

}  // namespace headscope
