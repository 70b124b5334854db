#include "hooks/prompts.h"

#include <fstream>
#include <map>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

void check_keys(const Json& line, const std::string& where) {
  if (!line.is_object()) {
    throw DataError("{}: a prompt is a JSON object, {{\"text\": \"…\"}}", where);
  }
  for (const auto& [key, value] : line.items()) {
    if (key != "text" && key != "tokens" && key != "id" && key != "spans") {
      throw DataError(
          "{}: unknown key \"{}\"; a prompt has text or tokens, id and spans", where, key);
    }
  }
  if (line.contains("text") == line.contains("tokens")) {
    throw DataError("{}: a prompt has either \"text\" or \"tokens\"", where);
  }
}

std::vector<std::int32_t> tokens_from(const Json& list,
                                      const ModelConfig& config,
                                      const std::string& where) {
  std::vector<std::int32_t> tokens;
  if (!list.is_array()) {
    throw DataError("{}: \"tokens\" is not a list", where);
  }
  for (const Json& token : list) {
    if (!token.is_number_integer() || token.get<std::int64_t>() < 0 ||
        token.get<std::int64_t>() >= config.d_vocab) {
      throw DataError("{}: token {} is not an id below {}", where, token.dump(), config.d_vocab);
    }
    tokens.push_back(token.get<std::int32_t>());
  }
  return tokens;
}

std::map<std::string, Span> spans_from(const Json& spans,
                                       std::int64_t length,
                                       const std::string& where) {
  std::map<std::string, Span> out;
  if (!spans.is_object()) {
    throw DataError("{}: \"spans\" is not an object", where);
  }
  for (const auto& [name, range] : spans.items()) {
    if (!range.is_array() || range.size() != 2 || !range[0].is_number_integer() ||
        !range[1].is_number_integer()) {
      throw DataError("{}: span \"{}\" is not [begin, end)", where, name);
    }
    const Span span{range[0].get<std::int64_t>(), range[1].get<std::int64_t>()};
    if (span.begin < 0 || span.end <= span.begin || span.end > length) {
      throw DataError("{}: span \"{}\" [{}, {}) does not lie in a prompt of {} tokens",
                      where,
                      name,
                      span.begin,
                      span.end,
                      length);
    }
    out[name] = span;
  }
  return out;
}

void check_length(const TracePrompt& prompt, const ModelConfig& config, const std::string& where) {
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

// Embeddings may be padded beyond the tokenizer's vocabulary.
void add_pieces(TracePrompt& prompt, const Model& model) {
  if (!model.has_tokenizer()) {
    return;
  }
  for (const std::int32_t token : prompt.tokens) {
    const bool known = token < model.tokenizer().vocab_size();
    prompt.pieces.push_back(known ? model.tokenizer().piece(token) : "");
  }
}

// Stored texts are UTF-8; with other bytes in them no reader could decode a file.
void check_utf8(const std::string& text, const std::string& where) {
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid < text.size()) {
    throw DataError(
        "{}: byte {} (0x{:02x}) of the text is not UTF-8; convert it, for example with iconv",
        where,
        valid,
        static_cast<unsigned char>(text[valid]));
  }
}

TracePrompt prompt_from(const Json& line,
                        const Model& model,
                        const PromptOptions& options,
                        const std::string& where) {
  check_keys(line, where);
  TracePrompt prompt;
  if (line.contains("text")) {
    if (!line["text"].is_string()) {
      throw DataError("{}: \"text\" is not a string", where);
    }
    prompt.text = line["text"].get<std::string>();
    check_utf8(prompt.text, where);
    prompt.tokens = model.tokenizer().encode(prompt.text, options.bos);
  } else {
    prompt.tokens = tokens_from(line["tokens"], model.config(), where);
    prompt.text = model.has_tokenizer() ? model.tokenizer().decode(prompt.tokens) : "";
  }
  check_length(prompt, model.config(), where);
  add_pieces(prompt, model);
  if (line.contains("id")) {
    prompt.id = line["id"].is_string() ? line["id"].get<std::string>() : line["id"].dump();
  }
  if (line.contains("spans")) {
    prompt.spans =
        spans_from(line["spans"], static_cast<std::int64_t>(prompt.tokens.size()), where);
  }
  return prompt;
}

}  // namespace

std::vector<TracePrompt> read_prompts(const std::filesystem::path& jsonl,
                                      const Model& model,
                                      const PromptOptions& options) {
  std::error_code ignored;  // opening the file reports whatever is wrong with its folder
  if (std::filesystem::is_directory(jsonl, ignored)) {
    throw DataError("{}: is a directory; prompts are one JSONL file", jsonl.string());
  }
  std::ifstream file(jsonl);
  if (!file) {
    throw DataError("{}: cannot open the prompts", jsonl.string());
  }
  std::vector<TracePrompt> prompts;
  std::map<std::string, std::int64_t> line_of_id;
  std::string text;
  for (std::int64_t number = 1; std::getline(file, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    const std::string where = fmt::format("{}:{}", jsonl.string(), number);
    prompts.push_back(prompt_from(parse_json_line(text, where), model, options, where));
    if (prompts.back().id.empty()) {
      prompts.back().id = std::to_string(prompts.size() - 1);
    }
    const auto [first, is_new] = line_of_id.emplace(prompts.back().id, number);
    if (!is_new) {
      throw DataError(
          "{}: the id \"{}\" is that of line {}; give each prompt its own (one without has its "
          "number, from 0)",
          where,
          prompts.back().id,
          first->second);
    }
  }
  if (prompts.empty()) {
    throw DataError("{}: no prompts", jsonl.string());
  }
  return prompts;
}

TracePrompt make_prompt(const std::string& text, const Model& model, const PromptOptions& options) {
  TracePrompt prompt = prompt_from({{"text", text}}, model, options, "prompt");
  prompt.id = "0";
  return prompt;
}

}  // namespace headscope
