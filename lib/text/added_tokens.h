// Tokens found in the text before anything else looks at it: "<|endoftext|>", "<s>", …
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // swallows the white space before it
  bool rstrip = false;       // and after it
  bool normalized = false;   // looked for in the normalised text, in its own normalised form
  bool special = false;

  bool operator==(const AddedToken&) const = default;
};

// A stretch of text, or the added token found there (id ≥ 0).
struct Segment {
  std::size_t begin = 0;
  std::size_t end = 0;
  TokenId id = -1;
};

// Finds a set of tokens: leftmost first, the longest where several begin together.
class AddedTokenMatcher {
 public:
  // `key` is what is looked for: the content, or its normalised form.
  void add(std::string_view key, const AddedToken& token);

  [[nodiscard]] bool empty() const { return tokens_.empty(); }

  // Cuts valid UTF-8 `text` into stretches and tokens.
  [[nodiscard]] std::vector<Segment> split(std::string_view text) const;

 private:
  struct Hit {
    std::size_t end;
    const AddedToken* token;
  };
  [[nodiscard]] std::optional<Hit> longest_at(std::string_view text, std::size_t begin) const;

  std::vector<AddedToken> tokens_;
  std::array<bool, 256> opens_{};                           // may a token begin with this byte?
  std::unordered_map<std::uint64_t, std::uint32_t> child_;  // (node, byte) → node of the trie
  std::vector<int> token_at_{-1};                           // per node: the token it ends, or −1
};

}  // namespace headscope
