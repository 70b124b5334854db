// Long texts with keys hidden in them that are asked for at the end: what DuoAttention's gates are
// trained on (Xiao et al. 2024, arXiv:2410.10819), with words of our own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/random.h"
#include "lib/text/tokenizer.h"

namespace headscope {

struct PasskeyOptions {
  std::int64_t keys = 10;     // hidden in a text; at most 10
  std::int64_t words = 32;    // of a key, each of the 26 of the NATO alphabet
  std::int64_t least = 1000;  // tokens of the haystack, drawn between these two
  std::int64_t most = 32000;
  PrependBos bos = PrependBos::automatic;
};

struct PasskeyText {
  std::vector<std::int32_t> tokens{};
  // The tokens of the keys where they are asked for again, each predicted by the one before it.
  std::vector<std::int64_t> answers{};
};

// Keys lie at depths drawn between 5 % and 95 % of `haystack`. Throws UsageError for no keys or
// more than 10, no words, or lengths that are not 0 < least ≤ most.
PasskeyText passkey_text(const Tokenizer& tokenizer,
                         const std::string& haystack,
                         const PasskeyOptions& options,
                         Random& random);

}  // namespace headscope
