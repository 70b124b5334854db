// How much of an answer a response holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headscope {

// Words as ROUGE counts them: runs of lower-cased ASCII letters and digits; those longer than three
// letters stemmed (porter_stemmer.h).
std::vector<std::string> rouge_words(std::string_view text);

// ROUGE-1 recall (Lin 2004), 0 to 1: the share of the target's words that the response has, each
// counted as often as it occurs. 0 for a target without words.
double rouge1_recall(std::string_view target, std::string_view response);

// The same over token ids, for models without a tokenizer.
double token_recall(const std::vector<std::int32_t>& target,
                    const std::vector<std::int32_t>& response);

}  // namespace headscope
