// A pair of prompts before a tokenizer has seen it, and the tokenizer's verdict.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyses/task/task.h"

namespace headscope {

struct TextRange {
  std::size_t begin = 0;  // bytes
  std::size_t end = 0;
};

struct MarkedText {
  std::string text;
  std::map<std::string, TextRange> marks;  // the words that spans may name
};

using Words = std::map<std::string, std::string>;  // slot → word

// `pattern` with every {slot} replaced by its word; the first place of each slot is marked by its
// name. Throws DataError opening with `where` if a slot has no word or a brace stands alone.
MarkedText fill(const std::string& pattern, const Words& words, const std::string& where);

// The same pattern with `prefix` before every slot's name: "{K}" → "{demo K}".
std::string with_prefix(const std::string& pattern, const std::string& prefix);

// Throws DataError opening with `where` if a slot of `slots` is not in `pattern`, or if it ends in
// a blank, which belongs to the answer.
void check_pattern(const std::string& pattern,
                   const std::vector<std::string>& slots,
                   const std::string& where);

struct Draft {
  MarkedText clean;
  MarkedText corrupted;
  std::vector<std::string> answers;  // what follows `clean`, its blank included: " Mary"
  std::vector<std::string> wrong;
  std::string template_name;

  // Tasks of tokens rather than text fill these as well; spans are then token ranges.
  std::vector<TokenId> clean_tokens = {};
  std::vector<TokenId> corrupted_tokens = {};
  std::vector<TokenId> answer_tokens = {};
  std::vector<TokenId> wrong_tokens = {};
  std::map<std::string, Span> token_spans = {};
};

// `draft` in the tokens of `tokenizer`. Of the marks, those named in `spans` become token ranges;
// there, "end" is the last token, and "X+1" the one after X. Where " 7" is two tokens, as for
// tokenizers that split numbers off, the blank goes to the prompts and "7" is the answer.
// Throws UnfitItem, saying why, unless both prompts have the same number of tokens, not all alike,
// and the same spans, each decoding to the word it names, and every answer is one token.
TaskItem fit(Draft draft,
             const std::vector<std::string>& spans,
             const Tokenizer& tokenizer,
             PrependBos bos);

}  // namespace headscope
