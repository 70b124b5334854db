// The model's own tokens: text ↔ id, as the file spells them.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/text/token_index.h"
#include "lib/text/tokenizer.h"

namespace headscope {

class Vocabulary {
 public:
  explicit Vocabulary(std::size_t expected = 0);

  // A text given twice belongs to the later id, as in Hugging Face's map.
  void insert(std::string text, TokenId id);

  // The id of `text`, or −1.
  [[nodiscard]] TokenId find(std::string_view text) const { return index_.find(text); }

  // The text of `id`, or nothing if no token has it.
  [[nodiscard]] std::optional<std::string_view> text(TokenId id) const;

  // Tokens, those of a text given twice too (Hugging Face's vocab size), and one more than the
  // highest id.
  [[nodiscard]] std::size_t size() const { return texts_.size(); }
  [[nodiscard]] TokenId end_id() const { return static_cast<TokenId>(by_id_.size()); }

 private:
  std::deque<std::string> texts_;  // a deque: its elements never move
  std::vector<const std::string*> by_id_;
  TokenIndex index_;
};

}  // namespace headscope
