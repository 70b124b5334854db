// Tokenizers older than tokenizer.json: vocab.txt of BERT, vocab.json with merges.txt of GPT-2 and
// its like, and lists of tiktoken's (the tokenizer.model of Llama 3).
#pragma once

#include <filesystem>
#include <string_view>

#include "lib/base/json_fwd.h"
#include "lib/text/tokenizer_files.h"

namespace headscope {

// Each gives what tokenizer.json would say: the pipeline of the class that tokenizer_config.json
// (or config.json, by its tokenizer_class or model_type) names, as transformers 5.23 builds it.
// `files` name the class's special tokens afterwards, where they were silent.
// Throws DataError: malformed files, or a class that headscope does not know.
Json spec_of_vocab_txt(TokenizerFiles& files);
Json spec_of_vocab_json(TokenizerFiles& files);

// A list of tiktoken's, "base 64, space, rank" a line: ranks are ids, and of neighbours those are
// joined first that make the token of the lowest rank. Words are split as Llama 3 does.
Json spec_of_tiktoken(const std::filesystem::path& path);

// The tokens of vocab.txt by line, and the lines of merges.txt without its heading.
Json read_vocab_txt(const std::filesystem::path& path);
Json read_merges_txt(const std::filesystem::path& path);

}  // namespace headscope
