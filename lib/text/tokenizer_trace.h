// What each step of a tokenizer makes of a text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/text/tokenizer_impl.h"

namespace headscope {

// A word of the normalised text and its ids, or an added token found there.
struct TracedWord {
  std::string text;
  std::vector<TokenId> ids;
  bool added = false;

  bool operator==(const TracedWord&) const = default;
};

// text[begin, end): an added token, `id` ≥ 0, or a stretch between such.
struct TracedStretch {
  std::size_t begin = 0;
  std::size_t end = 0;
  TokenId id = -1;
  std::string normalized{};
  std::vector<TracedWord> words{};

  // The texts of its words, one after another.
  [[nodiscard]] std::string joined() const;
  [[nodiscard]] std::vector<TokenId> ids() const;
};

// `text` must be valid UTF-8.
std::vector<TracedStretch> trace_tokenizer(const Tokenizer::Impl& tokenizer, std::string_view text);

}  // namespace headscope
