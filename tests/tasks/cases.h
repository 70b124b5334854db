// Items of a task by the words of their spans, read off the tokens and not off the generator.
#pragma once

#include <set>
#include <string>

#include "analyses/task/maker.h"
#include "tests/support/catch.h"
#include "tests/tasks/word_tokenizer.h"

namespace headscope::test {

inline std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin);
}

// One prompt by the names of its spans.
struct SpanWords {
  const Tokenizer& tokenizer;
  const Prompt& prompt;

  std::string operator[](const std::string& span) const {
    const Span at = prompt.spans.at(span);
    return trimmed(
        tokenizer.decode({prompt.tokens.begin() + at.begin, prompt.tokens.begin() + at.end}));
  }
};

struct Case {
  const TaskItem& item;
  SpanWords clean;
  SpanWords corrupted;

  [[nodiscard]] std::string answer() const { return trimmed(item.answer_texts.at(0)); }
  [[nodiscard]] std::string wrong() const { return trimmed(item.wrong_texts.at(0)); }
};

// Runs `check` on items of every tokenizer.
template <typename Check>
void for_each(const std::string& task, const std::string& corruption, const Check& check) {
  for (const auto& [name, tokenizer] : tokenizers()) {
    INFO(task << " " << corruption << " on " << name);
    MakeOptions options;
    options.n = 8;
    options.seed = 3;
    options.corruption = corruption;
    for (const TaskItem& item : make_task(task, tokenizer, options).items) {
      INFO(item.clean.text << " | " << item.corrupted.text);
      check(Case{item, {tokenizer, item.clean}, {tokenizer, item.corrupted}});
    }
  }
}

}  // namespace headscope::test
