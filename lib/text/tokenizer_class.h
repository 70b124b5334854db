// What the tokenizer_class of a model says of spaces and case: transformers' classes build their
// own way of spelling them, whatever tokenizer.json says.
#pragma once

#include "lib/text/tokenizer_files.h"

namespace headscope {

inline constexpr const char* kLlamaTokenizer = "LlamaTokenizer";

// Rewrites `tokenizer`, a tokenizer.json, to what transformers 5 builds of it for the class:
// - LlamaTokenizer spells spaces as SentencePiece does, with one mark for a space and, before the
//   text, one more unless a space is there; `legacy` and `add_prefix_space` of
//   tokenizer_config.json say where. <unk>, <s> and </s> are whole where no file names others. A
//   byte-level tokenizer (Llama 3) it reads as it stands.
// - GPT2Tokenizer, GPTNeoXTokenizer and RobertaTokenizer put a space before the text if, and only
//   if, `add_prefix_space` of tokenizer_config.json is true.
// - BertTokenizer and DistilBertTokenizer write in lower case, take off accents and set Chinese
//   characters apart as tokenizer_config.json says.
// Does nothing for another class. Returns whether anything changed.
bool apply_tokenizer_class(const TokenizerFiles& files, Json& tokenizer, const std::string& where);

}  // namespace headscope
