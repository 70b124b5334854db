// The parts a tokenizer is made of, as the readers of tokenizer.json and GGUF put them together.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/text/added_tokens.h"
#include "lib/text/decoder.h"
#include "lib/text/normalizer.h"
#include "lib/text/post_processor.h"
#include "lib/text/pre_tokenizer.h"
#include "lib/text/tokenizer.h"
#include "lib/text/vocabulary.h"
#include "lib/text/word_model.h"

namespace headscope {

enum class SpecialTokens { whole, split };

struct Tokenizer::Impl {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::vector<AddedToken> added;
  std::unordered_map<TokenId, std::string> added_text;  // by id
  AddedTokenMatcher raw_matcher;                        // tokens looked for in the text as given
  AddedTokenMatcher normalized_matcher;                 // … in the normalised text
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<const WordModel> model;
  PostProcessor post_processor;
  Decoder decoder;
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::vector<TokenId> ends;  // what ends a response, `eos` first
  std::string kind;
  std::string hash;

  // Sorts `added` into the two matchers; normaliser and vocabulary must be set. Special tokens that
  // are split keep their ids and spelling, but are not looked for in texts.
  void index_added(SpecialTokens special_tokens = SpecialTokens::whole);

  // Adds to `ends` what is not there yet; nothing for no id.
  void add_end(std::optional<TokenId> id);

  // The id of a token's text, added tokens first, or nothing.
  [[nodiscard]] std::optional<TokenId> find(std::string_view text) const;

  // The spelling of an id, or nothing if it is outside the vocabulary.
  [[nodiscard]] std::optional<std::string> spelling(TokenId id) const;

  // Appends the ids of `text` (valid UTF-8) without post-processing.
  void encode(std::string_view text, std::vector<TokenId>& out) const;

  // The same way through `text`, told to `seen` in its order: `seen.token(id, begin, end)` for an
  // added token that text[begin, end) is, `seen.stretch(begin, end)` for what lies between such,
  // then, of its normalised form, `seen.normalized(text)`, `seen.normalized_token(id, spelling)`
  // and `seen.word(text)`.
  template <typename Seen>
  void walk(std::string_view text, Seen& seen) const;

 private:
  template <typename Seen>
  void walk_stretch(std::string_view text, Place place, Seen& seen) const;
  template <typename Seen>
  void walk_words(std::string_view text, Place place, Seen& seen) const;
};

template <typename Seen>
void Tokenizer::Impl::walk(std::string_view text, Seen& seen) const {
  for (const Segment& segment : raw_matcher.split(text)) {
    if (segment.id >= 0) {
      seen.token(segment.id, segment.begin, segment.end);
    } else {
      seen.stretch(segment.begin, segment.end);
      walk_stretch(text.substr(segment.begin, segment.end - segment.begin),
                   segment.begin == 0 ? Place::opening : Place::later,
                   seen);
    }
  }
}

template <typename Seen>
void Tokenizer::Impl::walk_stretch(std::string_view text, Place place, Seen& seen) const {
  std::string normal;
  if (!normalizer.empty()) {
    normal = normalizer.apply(std::string(text));
    text = normal;
  }
  seen.normalized(text);
  for (const Segment& segment : normalized_matcher.split(text)) {
    const std::string_view part = text.substr(segment.begin, segment.end - segment.begin);
    if (segment.id >= 0) {
      seen.normalized_token(segment.id, part);
    } else {
      walk_words(part, segment.begin == 0 ? place : Place::later, seen);
    }
  }
}

template <typename Seen>
void Tokenizer::Impl::walk_words(std::string_view text, Place place, Seen& seen) const {
  Pieces pieces;
  pieces.text = text;
  pieces.spans = {{0, text.size()}};
  pieces.place = place;
  pre_tokenizer.apply(pieces);
  for (const Match& span : pieces.spans) {
    seen.word(pieces.piece(span));
  }
}

}  // namespace headscope
