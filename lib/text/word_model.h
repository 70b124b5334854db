// What turns one word, as the pre-tokeniser cut it, into ids: BPE, WordLevel, Unigram, WordPiece.
#pragma once

#include <string_view>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

class WordModel {
 public:
  WordModel() = default;
  WordModel(const WordModel&) = delete;
  WordModel& operator=(const WordModel&) = delete;
  virtual ~WordModel() = default;

  // Appends the ids of `word`. Thread-safe. Throws UnknownWord where the model has no token for an
  // unknown word and meets one.
  virtual void encode(std::string_view word, std::vector<TokenId>& out) const = 0;
};

}  // namespace headscope
