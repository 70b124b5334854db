// A tokenizer whose tokens are whole words, as Hugging Face's tokenizer.json spells it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace headscope {

// tokenizer.json and tokenizer_config.json: the words' ids are their places, texts are cut at white
// space, the first word begins every text (BOS). Another word is an error of encode().
std::vector<std::pair<std::string, std::string>> word_level_files(
    const std::vector<std::string>& words);

}  // namespace headscope
