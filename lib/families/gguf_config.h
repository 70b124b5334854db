// GGUF metadata in config.json's words, so that a family reads both with one function.
#pragma once

#include "lib/base/json_fwd.h"
#include "lib/weights/gguf.h"

namespace headscope {

// The architecture GGUF names. DataError if absent.
std::string gguf_architecture(const GgufFile& file, const std::string& where);

// Keys of the architecture are renamed; one headscope does not know keeps its own name, so that
// nobody reads it and loading fails naming it. What only tensors tell (tied embeddings, biases,
// vocabulary size, rotary divisors) is added.
Json config_from_gguf(const GgufFile& file, const std::string& where);

}  // namespace headscope
