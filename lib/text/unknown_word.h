// What a tokenizer of whole words throws for a word that it does not have.
#pragma once

#include "lib/base/error.h"

namespace headscope {

class UnknownWord : public UsageError {
 public:
  using UsageError::ErrorOf;
};

}  // namespace headscope
