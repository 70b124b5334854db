// Vocabularies stored in GGUF metadata (`tokenizer.ggml.*`).
#pragma once

#include <memory>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/text/tokenizer.h"

namespace headscope {

// `tokenizer.ggml.model` gpt2 (byte-level BPE, split as `tokenizer.ggml.pre` says) or llama
// (SentencePiece BPE). Throws DataError, opened by `where`, for another model, an unknown `pre`, or
// malformed entries.
std::shared_ptr<Tokenizer::Impl> read_tokenizer_gguf(const Json& metadata,
                                                     const std::string& where);

}  // namespace headscope
