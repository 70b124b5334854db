#include <algorithm>

#include "analyses/task/fit_spans.h"
#include "analyses/task/in_context.h"

namespace headscope {
namespace {

bool all_are_tokens(const std::vector<std::string>& texts, const EncodedText& prompt) {
  return std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
    return prompt.token_of(text).has_value();
  });
}

bool begins_with_blank(const std::string& text) {
  return text.starts_with(' ') && text.size() > 1;
}

void move_blank_to_prompts(Draft& draft) {
  draft.clean.text += ' ';
  draft.corrupted.text += ' ';
  for (auto* texts : {&draft.answers, &draft.wrong}) {
    for (std::string& text : *texts) {
      text.erase(0, 1);
    }
  }
}

void split_numbers_off(Draft& draft, const Tokenizer& tokenizer, PrependBos bos) {
  std::vector<std::string> all = draft.answers;
  all.insert(all.end(), draft.wrong.begin(), draft.wrong.end());
  if (std::all_of(all.begin(), all.end(), begins_with_blank) &&
      !all_are_tokens(all, EncodedText(tokenizer, draft.clean.text, bos))) {
    move_blank_to_prompts(draft);
  }
}

std::vector<TokenId> tokens_of(const std::vector<std::string>& texts, const EncodedText& prompt) {
  std::vector<TokenId> tokens;
  for (const std::string& text : texts) {
    const auto token = prompt.token_of(text);
    if (!token || std::find(tokens.begin(), tokens.end(), *token) != tokens.end()) {
      throw UnfitItem("the answer '{}' is not a token of its own", text);
    }
    tokens.push_back(*token);
  }
  return tokens;
}

void check(const TaskItem& item) {
  if (item.clean.tokens.size() != item.corrupted.tokens.size()) {
    throw UnfitItem("the two prompts have {} and {} tokens",
                    item.clean.tokens.size(),
                    item.corrupted.tokens.size());
  }
  if (item.clean.tokens == item.corrupted.tokens) {
    throw UnfitItem("the two prompts have the same tokens");
  }
  if (item.clean.spans != item.corrupted.spans) {
    throw UnfitItem("the same words lie at different tokens of the two prompts");
  }
  for (const TokenId token : item.wrong) {
    if (std::find(item.answers.begin(), item.answers.end(), token) != item.answers.end()) {
      throw UnfitItem("an answer is also wrong");
    }
  }
}

TaskItem item_of_tokens(Draft&& draft) {
  TaskItem item;
  item.given = TaskItem::Given::tokens;
  item.clean = {
      .id = {}, .text = draft.clean.text, .tokens = draft.clean_tokens, .spans = {}, .pieces = {}};
  item.corrupted = {.id = {},
                    .text = draft.corrupted.text,
                    .tokens = draft.corrupted_tokens,
                    .spans = {},
                    .pieces = {}};
  item.clean.spans = draft.token_spans;
  item.corrupted.spans = draft.token_spans;
  item.answers = draft.answer_tokens;
  item.wrong = draft.wrong_tokens;
  return item;
}

TaskItem item_of_text(Draft&& draft,
                      const std::vector<std::string>& spans,
                      const Tokenizer& tokenizer,
                      PrependBos bos) {
  split_numbers_off(draft, tokenizer, bos);
  const EncodedText clean(tokenizer, draft.clean.text, bos);
  const EncodedText corrupted(tokenizer, draft.corrupted.text, bos);
  TaskItem item;
  item.clean = {.id = {}, .text = clean.text, .tokens = clean.tokens, .spans = {}, .pieces = {}};
  item.corrupted = {
      .id = {}, .text = corrupted.text, .tokens = corrupted.tokens, .spans = {}, .pieces = {}};
  item.answers = tokens_of(draft.answers, clean);
  item.wrong = tokens_of(draft.wrong, clean);
  item.answer_texts = draft.answers;
  item.wrong_texts = draft.wrong;
  item.clean.spans = spans_of(draft.clean, spans, clean);
  item.corrupted.spans = spans_of(draft.corrupted, spans, corrupted);
  return item;
}

}  // namespace

TaskItem fit(Draft draft,
             const std::vector<std::string>& spans,
             const Tokenizer& tokenizer,
             PrependBos bos) {
  const std::string template_name = draft.template_name;
  TaskItem item = draft.clean_tokens.empty() ? item_of_text(std::move(draft), spans, tokenizer, bos)
                                             : item_of_tokens(std::move(draft));
  item.template_name = template_name;
  item.clean.pieces = pieces_of(item.clean.tokens, tokenizer);
  item.corrupted.pieces = pieces_of(item.corrupted.tokens, tokenizer);
  check(item);
  return item;
}

}  // namespace headscope
