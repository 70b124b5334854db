// The prompts of `headscope demo`: indirect object identification (Wang et al. 2022,
// arXiv:2211.00593), our own sentences.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

struct IoiPrompt {
  std::string text;     // "When Mary and John went to the store, John gave a drink to"
  std::string object;   // "Mary", the answer
  std::string subject;  // "John", named twice
};
const std::vector<IoiPrompt>& ioi_prompts();

// JSONL as `headscope record --prompts` reads it, with the token ranges "object" and "subject" (the
// first mention of each name). Throws what OutputFile throws.
void write_ioi_prompts(const std::filesystem::path& path, const Tokenizer& tokenizer);

}  // namespace headscope
