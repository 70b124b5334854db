#include "lib/text/tokenizer_impl.h"

#include <algorithm>

namespace headscope {
namespace {

struct IdsOnly {
  const WordModel& model;
  std::vector<TokenId>& out;

  void token(TokenId id, std::size_t, std::size_t) const { out.push_back(id); }
  void stretch(std::size_t, std::size_t) const {}
  void normalized(std::string_view) const {}
  void normalized_token(TokenId id, std::string_view) const { out.push_back(id); }
  void word(std::string_view text) const { model.encode(text, out); }
};

}  // namespace

void Tokenizer::Impl::index_added(SpecialTokens special_tokens) {
  // Special tokens win over others of the same text, as Hugging Face lists them first.
  for (const bool special : {true, false}) {
    for (const AddedToken& token : added) {
      if (token.special != special) {
        continue;
      }
      added_text[token.id] = token.content;
      if (special && special_tokens == SpecialTokens::split) {
        continue;
      }
      if (token.normalized) {
        normalized_matcher.add(normalizer.apply(token.content), token);
      } else {
        raw_matcher.add(token.content, token);
      }
    }
  }
}

void Tokenizer::Impl::add_end(std::optional<TokenId> id) {
  if (id && std::find(ends.begin(), ends.end(), *id) == ends.end()) {
    ends.push_back(*id);
  }
}

std::optional<TokenId> Tokenizer::Impl::find(std::string_view text) const {
  for (const AddedToken& token : added) {
    if (token.content == text) {
      return token.id;
    }
  }
  const TokenId id = vocabulary->find(text);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

std::optional<std::string> Tokenizer::Impl::spelling(TokenId id) const {
  if (const auto found = added_text.find(id); found != added_text.end()) {
    return found->second;
  }
  const auto text = vocabulary->text(id);
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

void Tokenizer::Impl::encode(std::string_view text, std::vector<TokenId>& out) const {
  IdsOnly ids{*model, out};
  walk(text, ids);
}

}  // namespace headscope
