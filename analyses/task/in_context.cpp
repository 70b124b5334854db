#include "analyses/task/in_context.h"

#include <algorithm>
#include <utility>

#include "lib/base/json.h"

namespace headscope {

std::string why_nothing_follows(const Tokenizer& tokenizer) {
  const auto& after = tokenizer.appended();
  return after.empty() ? ""
                       : fmt::format(
                             "the tokenizer's template puts {} after every text, so that no answer "
                             "can follow the prompt: take it out of post_processor in a copy of "
                             "tokenizer.json",
                             Json(tokenizer.decode(after)).dump());
}

EncodedText::EncodedText(const Tokenizer& with, std::string prompt, PrependBos prepend_bos)
    : tokenizer(&with),
      text(std::move(prompt)),
      bos(prepend_bos),
      tokens(with.encode(text, prepend_bos)) {}

std::optional<TokenId> EncodedText::token_of(const std::string& more) const {
  const auto longer = tokenizer->encode(text + more, bos);
  if (longer.size() != tokens.size() + 1 ||
      !std::equal(tokens.begin(), tokens.end(), longer.begin())) {
    return std::nullopt;
  }
  return longer.back();
}

std::optional<std::int64_t> EncodedText::tokens_until(std::size_t bytes) const {
  const auto head = tokenizer->encode(text.substr(0, bytes), bos);
  if (head.size() > tokens.size() || !std::equal(head.begin(), head.end(), tokens.begin())) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(head.size());
}

bool is_one_token(const Tokenizer& tokenizer, const std::string& word) {
  return EncodedText(tokenizer, "so", PrependBos::no).token_of(" " + word).has_value();
}

std::string piece_of(TokenId token, const Tokenizer& tokenizer) {
  try {
    return tokenizer.piece(token);
  } catch (const UsageError&) {
    return "";  // ids may have holes, and embeddings be padded beyond the vocabulary
  }
}

std::vector<std::string> pieces_of(const std::vector<TokenId>& tokens, const Tokenizer& tokenizer) {
  std::vector<std::string> pieces;
  for (const TokenId token : tokens) {
    pieces.push_back(piece_of(token, tokenizer));
  }
  return pieces;
}

}  // namespace headscope
