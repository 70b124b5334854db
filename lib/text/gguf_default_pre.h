// GGUF files whose tokenizer.ggml.pre does not say how text is cut before it is merged.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/text/bpe.h"
#include "lib/text/pre_tokenizer.h"

namespace headscope {

// Converters before `tokenizer.ggml.pre` existed wrote none, or "default", for any vocabulary;
// transformers and llama.cpp then cut as GPT-2 does, which is wrong for most newer ones. Warns that
// `gpt2` is used; throws DataError, with the token as the proof, if a merge builds one that GPT-2's
// rule would have cut (" (x" or ".\n"): the vocabulary is not of that kind. `name`: what the file
// says, if anything.
void check_default_pre(const std::optional<std::string>& name,
                       const Vocabulary& vocabulary,
                       const std::vector<RankedMerge>& merges,
                       const PreTokenizer& gpt2,
                       const std::string& where);

}  // namespace headscope
