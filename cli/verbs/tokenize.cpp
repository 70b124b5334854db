// headscope tokenize: the token ids and pieces of a text.
#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/render/visible.h"
#include "cli/verbs.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct TokenizeArguments {
  std::string model;
  std::string prompt;
  PrependBos bos = PrependBos::automatic;
};

struct Tokens {
  struct Token {
    TokenId id = 0;
    std::string piece;  // raw bytes
  };
  std::vector<Token> tokens;
  PrependBos bos = PrependBos::automatic;
  std::string tokenizer;
};

Tokens tokenize(const TokenizeArguments& options) {
  const Tokenizer tokenizer = load_tokenizer(options.model);
  Tokens result{.tokens = {}, .bos = options.bos, .tokenizer = tokenizer.kind()};
  for (const TokenId id : tokenizer.encode(options.prompt, options.bos)) {
    result.tokens.push_back({id, tokenizer.piece(id)});
  }
  return result;
}

OrderedJson to_json(const Tokens& result) {
  Table table({{"position"}, {"id"}, {"piece"}});
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    table.row({i, result.tokens[i].id, result.tokens[i].piece});
  }
  return {{"tokenizer", result.tokenizer},
          {"prepend_bos", std::string(to_string(result.bos))},
          {"tokens", table.json()}};
}

std::string to_text(const Tokens& result) {
  Table table({{"position"}, {"id"}, {"piece"}});
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    table.row({i, result.tokens[i].id, visible(result.tokens[i].piece)});
  }
  return table.text();
}

}  // namespace

Verb tokenize_verb() {
  return {
      .name = "tokenize",
      .summary = "The token ids and pieces of a text, one a line",
      .example = "  headscope tokenize smollm2 --prompt \"When Mary and John went to the store\"",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<TokenizeArguments>();
        add_model(app, options->model);
        app.add_option("--prompt", options->prompt, "The text")->required();
        add_prepend_bos(app, options->bos);
        return [options, &invocation] {
          const Tokens result = tokenize(*options);
          show(invocation, to_json(result), to_text(result));
        };
      },
  };
}

}  // namespace headscope
