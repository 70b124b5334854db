#include "analyses/task/task_line.h"

#include <algorithm>

#include "analyses/task/in_context.h"
#include "lib/base/counted.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys{"clean",
                                             "corrupted",
                                             "answers",
                                             "wrong",
                                             "clean_tokens",
                                             "corrupted_tokens",
                                             "answer_tokens",
                                             "wrong_tokens",
                                             "spans",
                                             "template",
                                             "id",
                                             "n_tokens"};
  return keys;
}

void check_forms(const LineFields& line) {
  const auto either = [&](const std::string& text, const std::string& tokens) {
    if (line.has(text) == line.has(tokens)) {
      throw DataError("{}: an item has either \"{}\" or \"{}\"", line.where(), text, tokens);
    }
  };
  either("clean", "clean_tokens");
  either("corrupted", "corrupted_tokens");
  either("answers", "answer_tokens");
  if (line.has("clean") != line.has("corrupted")) {
    throw DataError("{}: give both prompts as text or both as tokens", line.where());
  }
  if (line.has("wrong") && line.has("wrong_tokens")) {
    throw DataError("{}: an item has either \"wrong\" or \"wrong_tokens\"", line.where());
  }
  if (!line.has("clean") && (line.has("answers") || line.has("wrong"))) {
    throw DataError("{}: answers as text need \"clean\" as text; give answer_tokens, wrong_tokens",
                    line.where());
  }
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) {
    text += piece;
  }
  return text;
}

Prompt prompt_from(const LineFields& line, const std::string& key, const TaskLineContext& context) {
  Prompt prompt{.id = {}, .text = {}, .tokens = {}, .spans = {}, .pieces = {}};
  const Tokenizer* tokenizer = context.tokenizer;
  if (!line.has(key)) {
    prompt.tokens = line.tokens(key + "_tokens", context.d_vocab);
    // decode() refuses ids beyond the vocabulary, to which embeddings may be padded.
    prompt.text = tokenizer == nullptr ? "" : joined(pieces_of(prompt.tokens, *tokenizer));
  } else if (tokenizer == nullptr) {
    throw DataError("{}: the model has no tokenizer; give {}_tokens", line.where(), key);
  } else {
    prompt.text = line.text(key);
    prompt.tokens = tokenizer->encode(prompt.text, context.bos);
  }
  if (tokenizer != nullptr) {
    prompt.pieces = pieces_of(prompt.tokens, *tokenizer);
  }
  if (prompt.tokens.empty()) {
    throw DataError("{}: \"{}\" is empty", line.where(), key);
  }
  return prompt;
}

void check_prompts(const TaskItem& item, const LineFields& line, const TaskLineContext& context) {
  const auto clean = static_cast<std::int64_t>(item.clean.tokens.size());
  if (clean != static_cast<std::int64_t>(item.corrupted.tokens.size())) {
    throw UnfitItem("{}: clean has {}, corrupted {}; both need the same number",
                    line.where(),
                    counted(clean, "token"),
                    item.corrupted.tokens.size());
  }
  if (item.clean.tokens == item.corrupted.tokens) {
    throw DataError("{}: corrupted is the same prompt as clean", line.where());
  }
  if (clean > context.n_ctx) {
    throw UnfitItem("{}: {} tokens are longer than the model's context of {}",
                    line.where(),
                    clean,
                    context.n_ctx);
  }
  if (line.has("n_tokens") && line.count("n_tokens") != clean) {
    throw UnfitItem(
        "{}: made for prompts of {} tokens, here they have {}: make the task with this model and "
        "--prepend-bos",
        line.where(),
        line.count("n_tokens"),
        clean);
  }
}

std::vector<TokenId> tokens_of(const std::vector<std::string>& texts,
                               const TaskItem& item,
                               const TaskLineContext& context,
                               const std::string& where) {
  std::vector<TokenId> tokens;
  const EncodedText clean(*context.tokenizer, item.clean.text, context.bos);
  for (const std::string& text : texts) {
    const auto token = clean.token_of(text);
    if (!token) {
      if (const std::string why = why_nothing_follows(*context.tokenizer); !why.empty()) {
        throw UnfitItem("{}: {}, or give every text as token ids", where, why);
      }
      throw UnfitItem("{}: {} is not one token after the clean prompt", where, Json(text).dump());
    }
    tokens.push_back(*token);
  }
  return tokens;
}

// Fills `texts` and `tokens` from `key` or `tokens_key`, whichever the line has.
void read_answers(const LineFields& line,
                  const std::string& key,
                  const std::string& tokens_key,
                  const TaskItem& item,
                  const TaskLineContext& context,
                  std::vector<std::string>& texts,
                  std::vector<TokenId>& tokens) {
  if (line.has(key)) {
    texts = line.texts(key);
    tokens = tokens_of(texts, item, context, line.where());
  } else if (line.has(tokens_key)) {
    tokens = line.tokens(tokens_key, context.d_vocab);
  }
}

void check_answers(const TaskItem& item, const std::string& where) {
  if (item.answers.empty()) {
    throw DataError("{}: no answers; give at least one", where);
  }
  std::vector<TokenId> seen;
  for (const auto* list : {&item.answers, &item.wrong}) {
    for (const TokenId token : *list) {
      if (std::find(seen.begin(), seen.end(), token) != seen.end()) {
        throw DataError(
            "{}: token {} stands twice among the answers and what is wrong", where, token);
      }
      seen.push_back(token);
    }
  }
}

}  // namespace

TaskItem parse_task_line(std::string_view text,
                         const TaskLineContext& context,
                         const std::string& where) {
  const LineFields line(text, where, known_keys(), kTaskLines);
  check_forms(line);
  TaskItem item;
  item.id = line.name("id");
  item.template_name = line.name("template");
  item.given = line.has("clean") ? TaskItem::Given::text : TaskItem::Given::tokens;
  item.clean = prompt_from(line, "clean", context);
  item.corrupted = prompt_from(line, "corrupted", context);
  check_prompts(item, line, context);
  read_answers(line, "answers", "answer_tokens", item, context, item.answer_texts, item.answers);
  read_answers(line, "wrong", "wrong_tokens", item, context, item.wrong_texts, item.wrong);
  check_answers(item, where);
  item.clean.spans = line.spans("spans", static_cast<std::int64_t>(item.clean.tokens.size()));
  item.corrupted.spans = item.clean.spans;
  return item;
}

}  // namespace headscope
