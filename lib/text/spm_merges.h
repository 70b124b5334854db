// The merges that a SentencePiece vocabulary implies.
#pragma once

#include <string>
#include <vector>

#include "lib/text/bpe.h"
#include "lib/text/gguf_vocabulary.h"

namespace headscope {

// Every way to cut a token into two others is a merge; better scores first, then longer left
// parts, as transformers' `generate_merges` orders them.
std::vector<RankedMerge> spm_merges(const GgufVocabulary& tokens, const Vocabulary& vocabulary);

}  // namespace headscope
