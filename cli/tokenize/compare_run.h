// tokenize --compare: a model's tokenizer beside another.
#pragma once

#include <optional>
#include <string>

#include "cli/verb.h"

namespace headscope {

struct CompareTokenizers {
  std::string model;
  std::string other;                  // a model, a directory, a tokenizer.json or tokenizer.model
  std::optional<std::string> prompt;  // nothing: JSON strings from standard input, one a line
};

// Shows where the two part first, by which step, or that they do not. Throws DataError where they
// part, for a damaged file, and for a line that is no JSON string.
void compare_tokenizers(const CompareTokenizers& options, const Invocation& invocation);

}  // namespace headscope
