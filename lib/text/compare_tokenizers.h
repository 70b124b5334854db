// Where two tokenizers part on a text, and which of their steps parts them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/text/tokenizer.h"

namespace headscope {

// The steps of a tokenizer in their order: added tokens are found in the text, the stretches
// between them are normalised, cut into words, and these into the model's tokens; then the template
// puts special tokens around the whole.
enum class TokenizerStep { special_tokens, normalizer, pre_tokenizer, model };
std::string_view to_string(TokenizerStep step);  // "special tokens", "normalizer", …

struct TokenizerDifference {
  TokenizerStep step = TokenizerStep::model;
  std::size_t offset = 0;  // in the text, in bytes: where what differs begins

  // What the step gives from there on: a few characters, a word, or tokens with a | between them.
  // Raw bytes.
  std::string ours;
  std::string theirs;

  // The first ids that differ: their place, and −1 for the one that has ended.
  std::size_t position = 0;
  TokenId our_id = -1;
  TokenId their_id = -1;
};

// Nothing if both give the same ids for `text` (valid UTF-8). The step is the first whose own
// result differs; where words differ, it is the model nevertheless if the model of `theirs` gives
// other ids for the words of `ours` too. Throws UnknownWord as encode() does.
std::optional<TokenizerDifference> first_difference(const Tokenizer::Impl& ours,
                                                    const Tokenizer::Impl& theirs,
                                                    std::string_view text);

}  // namespace headscope
