// The chain of characters that sinks are studied on (Guo et al. 2024, arXiv:2410.13835).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace headscope {

// Most characters follow a bigram; after a trigger comes what came before it. The characters and
// how often one follows another are counted in headscope's own texts (data/haystack), the most
// frequent ones are the triggers.
struct BackcopyChain {
  std::vector<std::string> words;                // "<s>", then characters, the most frequent first
  std::vector<std::vector<double>> transitions;  // P(next | word), each of words.size()
  std::int64_t triggers = 0;                     // words 1 … triggers

  [[nodiscard]] bool is_trigger(std::int32_t word) const { return word >= 1 && word <= triggers; }
  // What follows position `at` of a row that begins with "<s>".
  [[nodiscard]] std::vector<double> following(const std::vector<std::int32_t>& row,
                                              std::size_t at) const;
};

// `characters` kinds of them, at most as many as the texts have.
BackcopyChain backcopy_chain(std::int64_t characters, std::int64_t triggers);

}  // namespace headscope
