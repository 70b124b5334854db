// How transformers' LlamaTokenizer spells spaces, whatever tokenizer.json says: as SentencePiece
// does, with one mark "▁" for a space and, before the text, one more unless a space is there.
#pragma once

#include "lib/text/tokenizer_files.h"

namespace headscope {

inline constexpr const char* kLlamaTokenizer = "LlamaTokenizer";

// Rewrites the normalizer, pre_tokenizer, decoder and model settings of `tokenizer`, a
// tokenizer.json, to what LlamaTokenizer builds from `legacy` and `add_prefix_space` of
// tokenizer_config.json. Does nothing for another class, nor for a byte-level tokenizer (Llama 3),
// which transformers too reads as it stands. Returns whether anything changed.
bool apply_llama_spacing(const TokenizerFiles& files, Json& tokenizer, const std::string& where);

}  // namespace headscope
