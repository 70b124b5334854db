// One row of a batch as choices of tokens (hooks/token_choice.h) ask for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/token_choice.h"
#include "lib/model/tap.h"
#include "lib/text/tokenizer.h"

namespace headscope {

class RowTokens {
 public:
  // Of the row as `visit` shows it, which is named in errors and outlives this. `tokenizer` spells
  // tokens where a text is looked for; null: UsageError there.
  RowTokens(const Visit& visit, std::int64_t row, const Tokenizer* tokenizer);

  // Tokens of the prompt; all of the row's tokens where nobody said which of them were written.
  [[nodiscard]] std::int64_t prompt_length() const { return prompt_; }

  // 1 for each chosen token of [first, first + count), 0 for others and for positions below 0,
  // which are padding. Throws UsageError: a negative position before the prompt's beginning; with
  // Phase::prefill one behind its end; a span that the prompt does not have; a choice by text where
  // the pass does not tell it.
  [[nodiscard]] std::vector<char> chosen(const TokenChoice& choice,
                                         std::int64_t first,
                                         std::int64_t count) const;

  // The step of decoding that processes the token at `position`; below 0: it is of the prompt.
  // UsageError where the pass does not tell.
  [[nodiscard]] std::int64_t step(std::int64_t position) const;

 private:
  struct Range {
    std::int64_t first = 0;
    std::int64_t count = 0;
  };
  [[nodiscard]] const RowText& text() const;
  [[nodiscard]] std::int64_t from_end(std::int64_t position) const;
  void mark(const TokenSet& set, Phase phase, Range where, std::vector<char>& out) const;
  void mark_positions(const TokenSet& set, Phase phase, Range where, std::vector<char>& out) const;
  void mark_spans(const TokenSet& set, Range where, std::vector<char>& out) const;
  void mark_tokens(const TokenSet& set, Range where, std::vector<char>& out) const;
  void mark_text(const std::string& needle, Range where, std::vector<char>& out) const;
  [[nodiscard]] bool completes(const std::string& needle, std::int64_t position) const;
  [[nodiscard]] std::string piece(std::int64_t position) const;

  const Visit& visit_;
  std::int64_t row_;
  const Tokenizer* tokenizer_;
  const RowText* text_;
  std::int64_t prompt_;
};

}  // namespace headscope
