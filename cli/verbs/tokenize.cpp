// headscope tokenize: the token ids and pieces of a text, or of a chat as the model's template has
// it.
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/render/visible.h"
#include "cli/tokenize/compare_run.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/families/load_chat.h"
#include "lib/text/utf8_check.h"

namespace headscope {
namespace {

struct TokenizeArguments {
  std::string model;
  std::optional<std::string> prompt;
  std::optional<std::string> chat;
  PrependBos bos = PrependBos::automatic;
  bool jsonl = false;
  std::string compare;
};

struct Tokens {
  struct Token {
    TokenId id = 0;
    std::string piece;  // raw bytes
  };
  std::vector<Token> tokens;
  PrependBos bos = PrependBos::automatic;
  std::string tokenizer;
  std::optional<std::string> rendered;  // of a chat
};

void check_tokenize(const TokenizeArguments& options) {
  if (!options.compare.empty() && (options.chat || options.bos != PrependBos::automatic)) {
    throw UsageError(
        "--compare takes a text (--prompt) or texts (--jsonl) as the tokenizers have them; leave "
        "out --chat and --prepend-bos");
  }
  if (options.jsonl && (options.prompt || options.chat)) {
    throw UsageError("--jsonl reads its texts from standard input; leave out --prompt and --chat");
  }
  if (options.jsonl) {
    return;
  }
  if (options.prompt.has_value() == options.chat.has_value()) {
    throw UsageError("tokenize takes a text (--prompt) or a chat (--chat), one of them");
  }
  if (options.chat && options.bos != PrependBos::automatic) {
    throw UsageError("--prepend-bos is for --prompt; the template of a --chat writes its own BOS");
  }
}

std::string rendered_chat(const TokenizeArguments& options) {
  const OrderedJson messages = read_messages(*options.chat);
  return load_chat_template(options.model)
      .render(messages, {.add_generation_prompt = awaits_answer(messages)});
}

Tokens tokenize(const TokenizeArguments& options) {
  check_tokenize(options);
  check_utf8(options.prompt.value_or(""), "--prompt");
  const Tokenizer tokenizer = load_tokenizer(options.model);
  Tokens result{.tokens = {}, .bos = options.bos, .tokenizer = tokenizer.kind(), .rendered = {}};
  if (options.chat) {
    result.bos = PrependBos::no;
    result.rendered = rendered_chat(options);
  }
  for (const TokenId id : options.chat ? encode_chat(tokenizer, *result.rendered)
                                       : tokenizer.encode(*options.prompt, options.bos)) {
    result.tokens.push_back({id, tokenizer.piece(id)});
  }
  return result;
}

// A JSON string a line in, its ids a line out, as they come: for programs that ask many times.
void tokenize_lines(const TokenizeArguments& options) {
  check_tokenize(options);
  const Tokenizer tokenizer = load_tokenizer(options.model);
  std::int64_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++number;
    const Json text = Json::parse(line, nullptr, false);
    if (!text.is_string()) {
      throw DataError("standard input:{}: not a JSON string", number);
    }
    print(Json(tokenizer.encode(text.get<std::string>(), options.bos)).dump() + "\n");
    std::fflush(stdout);
  }
}

OrderedJson to_json(const Tokens& result) {
  Table table({{"position"}, {"id"}, {"piece"}});
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    table.row({i, result.tokens[i].id, result.tokens[i].piece});
  }
  OrderedJson json = {{"tokenizer", result.tokenizer},
                      {"prepend_bos", std::string(to_string(result.bos))},
                      {"tokens", table.json()}};
  if (result.rendered) {
    json["prompt"] = *result.rendered;
  }
  return json;
}

std::string to_text(const Tokens& result) {
  Table table({{"position"}, {"id"}, {"piece"}});
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    table.row({i, result.tokens[i].id, visible(result.tokens[i].piece)});
  }
  return (result.rendered ? *result.rendered + "\n\n" : "") + table.text();
}

void add_options(CLI::App& app, TokenizeArguments& options) {
  add_model(app, options.model);
  app.add_option("--prompt", options.prompt, "The text");
  app.add_option(
      "--chat",
      options.chat,
      "A chat instead: a JSON file, [{\"role\": \"user\", \"content\": \"Hello\"}, …], put into "
      "the model's chat template, which is shown too; it opens the assistant's turn unless "
      "the last message is the assistant's");
  app.add_flag("--jsonl",
               options.jsonl,
               "Texts from standard input, a JSON string a line; a list of ids a line each");
  app.add_option("--compare",
                 options.compare,
                 "Another tokenizer (a model, a directory, a tokenizer.json or "
                 "tokenizer.model): shows the first difference between the two on --prompt "
                 "or --jsonl, where in the text and by which step, and fails if there is one");
  add_prepend_bos(app, options.bos);
}

void run(const TokenizeArguments& options, const Invocation& invocation) {
  if (!options.compare.empty()) {
    check_tokenize(options);
    compare_tokenizers({options.model, options.compare, options.prompt}, invocation);
    return;
  }
  if (options.jsonl) {
    tokenize_lines(options);
    return;
  }
  const Tokens result = tokenize(options);
  show(invocation, to_json(result), to_text(result));
}

}  // namespace

Verb tokenize_verb() {
  return {
      .name = "tokenize",
      .summary = "The token ids and pieces of a text or a chat, one a line",
      .example =
          "  headscope tokenize smollm2 --prompt \"When Mary and John went to the store\"\n"
          "  headscope tokenize smollm2 --chat messages.json\n"
          "  headscope tokenize path/to/model --compare other/tokenizer.json --prompt \"It's 12\"",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<TokenizeArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
