// The files beside tokenizer.json that name the special tokens.
#pragma once

#include <filesystem>

#include "lib/base/hash.h"
#include "lib/text/tokenizer_impl.h"

namespace headscope {

// Sets `bos` and `eos` from tokenizer_config.json, else special_tokens_map.json, else the ids in
// config.json, else the template; an explicit null ends the search. What was read goes into the
// hash. Throws DataError for a token that is not in the vocabulary.
//
// add_bos_token is not read: as in transformers 5, the post-processor of tokenizer.json decides.
void apply_tokenizer_config(const std::filesystem::path& directory,
                            Tokenizer::Impl& impl,
                            Hasher& hasher);

}  // namespace headscope
