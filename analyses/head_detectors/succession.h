// Ordered lists whose members are single tokens: what successor heads are tried on. No Torch.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

// One list in one spelling.
struct SuccessionTask {
  std::string name;                                // "days", "days, no space", …
  std::vector<std::pair<TokenId, TokenId>> pairs;  // a token and its successor
  std::vector<TokenId> targets;  // the successors, each once: what the right one competes with
};

// spaced: each word after a blank, lists that end (numbers, letters, prefixes) end. expanded: also
// without the blank and with the case of the first letter turned, roman numerals, and lists of days
// and months go round in their short forms too (Gould et al. 2023, arXiv:2312.09230, section 2 and
// appendix; the lists as in Tigges et al. 2024, arXiv:2407.10827).
enum class SuccessionLists { spaced, expanded };

struct Succession {
  std::vector<SuccessionTask> tasks;  // of at least 3 pairs
  std::size_t pairs = 0;              // of all of them
  std::size_t dropped = 0;  // pairs of which a side is no single token, or in a short task
};
Succession succession_tasks(const Tokenizer& tokenizer, SuccessionLists lists);

// The tokens of 0, 1, 2, … as far as each is a single token, in the spelling (blank or none) that
// reaches further.
std::vector<TokenId> number_tokens(const Tokenizer& tokenizer);

}  // namespace headscope
