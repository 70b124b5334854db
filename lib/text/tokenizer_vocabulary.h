// The readers of directories that have a vocabulary and no tokenizer.json.
#pragma once

#include <filesystem>
#include <memory>

#include "lib/text/tokenizer.h"

namespace headscope {

// `path`: the file; vocab.json with merges.txt beside it, vocab.txt, and tokenizer.model as
// tiktoken writes it (see vocabulary_files.h). add_bos_token and add_eos_token of
// tokenizer_config.json count, where the class does not itself put tokens around a text. Throws
// DataError.
std::shared_ptr<Tokenizer::Impl> read_tokenizer_vocab_json(const std::filesystem::path& path);
std::shared_ptr<Tokenizer::Impl> read_tokenizer_vocab_txt(const std::filesystem::path& path);
std::shared_ptr<Tokenizer::Impl> read_tokenizer_tiktoken(const std::filesystem::path& path);

}  // namespace headscope
