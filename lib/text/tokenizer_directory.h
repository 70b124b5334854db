// The tokenizer of a Hugging Face directory, in whichever files it lies.
#pragma once

#include <filesystem>
#include <memory>

#include "lib/text/tokenizer.h"

namespace headscope {

// Is there a file that a tokenizer can be read from?
bool has_tokenizer(const std::filesystem::path& directory);

// tokenizer.json if it is there, else tokenizer.model, vocab.json with merges.txt, or vocab.txt.
// Throws DataError: none of them, or one that
// is malformed or that headscope does not implement.
std::shared_ptr<Tokenizer::Impl> read_tokenizer_directory(const std::filesystem::path& directory);

// One file of such a directory: tokenizer.model, or a tokenizer.json of whatever name; what lies
// beside it counts as for a directory, but other vocabularies there are not compared with it.
std::shared_ptr<Tokenizer::Impl> read_tokenizer_file(const std::filesystem::path& path);

}  // namespace headscope
