#include "lib/text/tokenizer_impl.h"

#include <algorithm>

namespace headscope {

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
  for (const Segment& segment : raw_matcher.split(text)) {
    if (segment.id >= 0) {
      out.push_back(segment.id);
    } else {
      encode_stretch(text.substr(segment.begin, segment.end - segment.begin),
                     segment.begin == 0 ? Place::opening : Place::later,
                     out);
    }
  }
}

void Tokenizer::Impl::encode_stretch(std::string_view text,
                                     Place place,
                                     std::vector<TokenId>& out) const {
  std::string normalized;
  if (!normalizer.empty()) {
    normalized = normalizer.apply(std::string(text));
    text = normalized;
  }
  for (const Segment& segment : normalized_matcher.split(text)) {
    if (segment.id >= 0) {
      out.push_back(segment.id);
    } else {
      encode_words(text.substr(segment.begin, segment.end - segment.begin),
                   segment.begin == 0 ? place : Place::later,
                   out);
    }
  }
}

void Tokenizer::Impl::encode_words(std::string_view text,
                                   Place place,
                                   std::vector<TokenId>& out) const {
  Pieces pieces;
  pieces.text = text;
  pieces.spans = {{0, text.size()}};
  pieces.place = place;
  pre_tokenizer.apply(pieces);
  for (const Match& span : pieces.spans) {
    model->encode(pieces.piece(span), out);
  }
}

}  // namespace headscope
