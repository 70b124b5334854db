// tokenizer.json of Hugging Face `tokenizers`, BPE models.
#pragma once

#include <filesystem>
#include <memory>

#include "lib/text/tokenizer.h"

namespace headscope {

// Throws DataError: missing or malformed file, or anything in it headscope does not implement.
std::shared_ptr<Tokenizer::Impl> read_tokenizer_json(const std::filesystem::path& directory);

}  // namespace headscope
