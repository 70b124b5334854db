// Files beside tokenizer.json that say its vocabulary once more.
#pragma once

#include <filesystem>

#include "lib/base/json_fwd.h"
#include "lib/text/vocabulary.h"

namespace headscope {

// Compares tokenizer.model (normal pieces), vocab.json, vocab.txt and merges.txt, those that are
// there, with the `model` entry of tokenizer.json and its vocabulary. A token that both have under
// different ids, or merges that differ, is a DataError that names both files; a token that one of
// them lacks is none, as fine-tuning renames unused tokens in one file only.
void check_older_files(const std::filesystem::path& directory,
                       const Json& model,
                       const Vocabulary& vocabulary);

}  // namespace headscope
