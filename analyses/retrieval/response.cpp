#include "analyses/retrieval/response.h"

#include "analyses/retrieval/rouge.h"

namespace headscope {

std::string response_text(const Model& model, std::vector<std::int32_t> tokens) {
  if (!model.has_tokenizer()) {
    return "";
  }
  std::erase_if(tokens, [&](std::int32_t token) { return model.tokenizer().is_end(token); });
  const std::string text = model.tokenizer().decode(tokens);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos
             ? ""
             : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

bool ends_response(const Model& model, std::int32_t token) {
  if (!model.has_tokenizer()) {
    return false;
  }
  const Tokenizer& tokenizer = model.tokenizer();
  return tokenizer.is_end(token) || tokenizer.piece(token).find('\n') != std::string::npos;
}

double recall_of(const Model& model, const RetrievalPrompt& prompt, const RetrievalSample& sample) {
  if (!prompt.answer.empty() && model.has_tokenizer()) {
    return 100.0 * rouge1_recall(prompt.answer, sample.response);
  }
  const auto begin = prompt.tokens.begin();
  return 100.0 *
         token_recall({begin + prompt.needle.begin, begin + prompt.needle.end}, sample.tokens);
}

}  // namespace headscope
