// What the files beside tokenizer.json add to a tokenizer: tokens, and which of them begin and end
// a text.
#pragma once

#include "lib/base/hash.h"
#include "lib/text/tokenizer_files.h"
#include "lib/text/tokenizer_impl.h"

namespace headscope {

// Appends the tokens that `files` name to `impl.added`, as transformers 5 does: one that the
// vocabulary has keeps its id, another gets the next free one. Call before index_added(). What
// changes goes into the hash. Throws DataError, naming both, where an id written for a token is not
// the one it gets.
void add_named_tokens(const TokenizerFiles& files, Tokenizer::Impl& impl, Hasher& hasher);

// Sets `bos`, `eos` and `ends`. `bos` and `eos`: as tokenizer_config.json or
// special_tokens_map.json name them, else as LlamaTokenizer does if that is the class, else by the
// ids in the configs; null or "" ends the search. Without a BOS of that kind it is the token the
// template puts first. `ends`: `eos` and every eos_token_id of generation_config.json and
// config.json. BOS and EOS go into the hash; what ends a response changes no encoding and does not.
//
// add_bos_token and add_eos_token are not read: as in transformers 5, the post-processor of
// tokenizer.json decides.
void apply_tokenizer_config(const TokenizerFiles& files, Tokenizer::Impl& impl, Hasher& hasher);

}  // namespace headscope
