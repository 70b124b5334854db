#include "hooks/prompts.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/unicode.h"
#include "lib/text/utf8_check.h"

namespace headscope {
namespace {

void check_length(const Prompt& prompt, const ModelConfig& config, const std::string& where) {
  if (prompt.tokens.empty()) {
    throw DataError("{}: the prompt is empty; give it a token, for example with --prepend-bos yes",
                    where);
  }
  if (static_cast<std::int64_t>(prompt.tokens.size()) > config.n_ctx) {
    throw DataError("{}: {} tokens are longer than the model's context of {}",
                    where,
                    prompt.tokens.size(),
                    config.n_ctx);
  }
}

std::vector<std::int32_t> encoded(const std::string& text, const Model& model, PrependBos bos) {
  if (!model.has_tokenizer()) {
    throw DataError("{}: no tokenizer beside the weights; give the prompt as token ids",
                    model.source().name);
  }
  return model.tokenizer().encode(text, bos);
}

}  // namespace

std::vector<std::string> pieces_of(const std::vector<std::int32_t>& tokens, const Model& model) {
  std::vector<std::string> pieces;
  if (!model.has_tokenizer()) {
    return pieces;
  }
  for (const std::int32_t token : tokens) {
    // Embeddings may be padded beyond the tokenizer's vocabulary.
    const bool known = token < model.tokenizer().vocab_size();
    pieces.push_back(known ? model.tokenizer().piece(token) : "");
  }
  return pieces;
}

Prompt prompt_of(const LineFields& line, const Model& model, PrependBos bos) {
  if (line.has("text") == line.has("tokens")) {
    throw DataError("{}: a prompt has either \"text\" or \"tokens\"", line.where());
  }
  Prompt prompt;
  if (line.has("text")) {
    prompt.text = line.text("text");
    check_utf8(prompt.text, line.where());
    prompt.tokens = encoded(prompt.text, model, bos);
  } else {
    prompt.tokens = line.tokens("tokens", model.config().d_vocab);
    prompt.text = model.has_tokenizer() ? model.tokenizer().decode(prompt.tokens) : "";
  }
  prompt.id = line.name("id");
  prompt.spans = line.spans("spans", std::ssize(prompt.tokens), pieces_of(prompt.tokens, model));
  return prompt;
}

std::vector<Prompt> read_prompts(const std::filesystem::path& jsonl,
                                 const Model& model,
                                 const PromptOptions& options) {
  std::vector<Prompt> prompts;
  LineIds ids;
  for_each_line(jsonl, kPromptLines, [&](const std::string& text, const std::string& where) {
    const LineFields line(text, where, {"text", "tokens", "id", "spans"}, kPromptLines);
    Prompt prompt = prompt_of(line, model, options.bos);
    check_length(prompt, model.config(), where);
    prompt.pieces = pieces_of(prompt.tokens, model);
    if (prompt.id.empty()) {
      prompt.id = std::to_string(prompts.size());
    }
    ids.add(prompt.id, where, "prompt");
    prompts.push_back(std::move(prompt));
  });
  if (prompts.empty()) {
    throw DataError("{}: no prompts", jsonl.string());
  }
  return prompts;
}

Prompt make_prompt(const std::string& text, const Model& model, const PromptOptions& options) {
  check_utf8(text, "prompt");
  Prompt prompt{.id = "0", .text = text, .tokens = encoded(text, model, options.bos), .spans = {}};
  check_length(prompt, model.config(), "prompt");
  prompt.pieces = pieces_of(prompt.tokens, model);
  return prompt;
}

Prompt make_prompt(std::vector<std::int32_t> tokens, const Model& model) {
  for (const std::int32_t token : tokens) {
    if (token < 0 || token >= model.config().d_vocab) {
      throw DataError(
          "prompt: no token {}; the model knows 0 to {}", token, model.config().d_vocab - 1);
    }
  }
  Prompt prompt{.id = "0", .text = {}, .tokens = std::move(tokens), .spans = {}};
  check_length(prompt, model.config(), "prompt");
  prompt.text = model.has_tokenizer() ? model.tokenizer().decode(prompt.tokens) : "";
  prompt.pieces = pieces_of(prompt.tokens, model);
  return prompt;
}

}  // namespace headscope
