// What the rows of a batch say: what a change asks that depends on tokens rather than on numbers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/text/prompt.h"

namespace headscope {

// One row: its prompt, and behind it what the model has written since. A token's position in
// `tokens` is its position in the row (BatchLayout::position()).
struct RowText {
  std::vector<std::int32_t> tokens{};
  std::int64_t prompt_tokens = 0;       // the first tokens, that were given; the rest was written
  std::map<std::string, Span> spans{};  // named parts of the prompt
};

}  // namespace headscope
